from __future__ import annotations

import numpy as np
import pytest

from core.datasets import Replicate
from core.report.layout import Layout, summarise_over


def layout(*, seeds: int = 1, repeats: int = 1, folds: int = 1, inner: int = 1) -> Layout:
    return Layout(
        tuple(
            Replicate(seed, repeat, fold if folds > 1 else None, place if inner > 1 else None)
            for seed in range(seeds)
            for repeat in range(repeats)
            for fold in range(folds)
            for place in range(inner)
        )
    )


def test_seeds_that_share_a_fold_are_one_observation() -> None:
    # two seeds × three folds; fold means 1, 2, 3: deviation 1 over 3 folds, not 1.05 over 6
    values = np.array([[0.5, 1.5, 2.5, 1.5, 2.5, 3.5]])
    found = summarise_over(values, layout(seeds=2, folds=3), "val_loss")
    assert (found.n.tolist(), found.mean.tolist()) == ([6], [2.0])
    assert found.sd[0] == pytest.approx((5.5 / 5) ** 0.5)
    assert found.error[0] == pytest.approx(1 / 3**0.5)
    assert found.half[0] == pytest.approx(4.302653 / 3**0.5, rel=1e-6)


def test_repeats_make_no_new_rows() -> None:
    # each repeat has fold means 1, 2, 3, as one repeat alone would
    once = summarise_over(np.array([[1.0, 2.0, 3.0]]), layout(folds=3), "val_loss")
    values = np.array([[1.0, 2.0, 3.0] * 10])
    many = summarise_over(values, layout(folds=3, repeats=10), "val_loss")
    assert many.error == pytest.approx(once.error)
    assert many.half == pytest.approx(once.half)


def test_inner_folds_of_one_part_are_other_validation_rows_but_the_same_test_rows() -> None:
    values = np.array([[1.0, 2.0, 3.0]])
    assert summarise_over(values, layout(inner=3), "val_loss").half[0] > 0
    assert np.isnan(summarise_over(values, layout(inner=3), "test_loss").half[0])


def test_seeds_of_one_part_have_a_deviation_but_no_interval() -> None:
    found = summarise_over(np.array([[1.0, 2.0, 3.0]]), layout(seeds=3), "val_loss")
    assert found.sd[0] == 1.0
    assert np.isnan(found.half[0])


def test_a_share_of_one_parts_rows_is_binomial_and_as_uncertain_as_its_seeds() -> None:
    values = np.array([[0.88, 0.90, 0.92]])
    found = summarise_over(values, layout(seeds=3), "val_accuracy", rows=100)
    assert found.error[0] == pytest.approx((0.9 * 0.1 / 100 + 0.02**2 / 3) ** 0.5)


def test_a_fold_without_a_score_is_none() -> None:
    values = np.array([[1.0, 2.0, 3.0, np.nan]])
    found = summarise_over(values, layout(folds=4), "val_loss")
    assert found.half[0] == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
