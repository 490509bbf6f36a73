"""The parts of an error, worked by hand and against structures that are known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.report.statistics import contrasts, estimates
from core.report.statistics.interval import error_of
from core.report.statistics.spread import (
    BASE,
    MOST_LUCK,
    ONE_PASS,
    SLOPE,
    clustered,
    spread,
)


def test_the_parts_of_one_pass_worked_by_hand(made) -> None:
    # folds of two rows: means -1, 0, 1, 0, 0; all rows: mean 0, squares 13 + 5
    values = np.array([[-1, 1, 3, 1, -1], [-1, -1, -1, -1, 1]]).ravel()
    scored = made.folds(values[None, None].astype(float))
    found = spread(scored.score_APN, scored)
    assert found.mean[0] == 0
    by_row = 18 * 10 / 9 / 100
    assert found.rows[0] == pytest.approx(by_row)
    assert found.luck[0] == pytest.approx(ONE_PASS * by_row)
    # sums of folds -2, 0, 2, 0, 0: by fold 8 · 5/4 / 100, less than by row, hence nothing
    assert found.training[0] == 0
    shifted = values + np.tile([2.0, -2, 2, -2, 0], 2)
    found = spread(made.folds(shifted[None, None]).score_APN, scored)
    # sums 2, -4, 6, -4, 0: 72 · 5/4 / 100 by fold; squares of rows 1+1+25+1+1+1+9+1+9+1 = 50
    assert found.training[0] == pytest.approx(0.9 - 50 * 10 / 9 / 100)


def test_a_repeat_of_the_same_answers_is_no_new_row(made) -> None:
    once = np.random.default_rng(1).normal(size=(2, 1, 200))
    often = np.repeat(once, 10, axis=1)
    first = spread((once[0] - once[1])[None], made.folds(once))
    second = spread((often[0] - often[1])[None], made.folds(often))
    assert second.rows[0] == pytest.approx(first.rows[0])
    assert second.rows[0] + second.luck[0] >= first.rows[0] + first.luck[0]


def test_repeats_never_lower_the_error_below_a_share_of_one_pass(made) -> None:
    rng = np.random.default_rng(2)
    passes = rng.normal(size=(1, 60, 300))  # every training answers anew
    found = spread(passes, made.folds(passes))
    assert found.shared[0] == pytest.approx(0, abs=0.05 * found.single[0])
    assert error_of(found).se[0] ** 2 >= BASE * found.single[0]
    shared = rng.normal(size=(1, 1, 300)) + 0.5 * passes  # four fifths of the variance stay
    found = spread(shared, made.folds(shared))
    assert found.shared[0] / found.single[0] == pytest.approx(0.8, abs=0.05)
    assert found.luck[0] == pytest.approx(MOST_LUCK * found.single[0])
    assert SLOPE * 0.8 > MOST_LUCK


def test_an_arm_that_some_folds_favour_gets_an_error_of_folds(made) -> None:
    rng = np.random.default_rng(3)
    values = 0.01 * rng.normal(size=(1, 1, 500)) + rng.normal(size=5)[np.arange(500) % 5]
    found = spread(values, made.folds(values))
    folds = values[0, 0].reshape(100, 5).mean(axis=0)
    assert found.training[0] == pytest.approx(stats.sem(folds) ** 2, rel=0.05)
    error = error_of(found)
    assert error.p_of(found.mean)[0] == pytest.approx(stats.ttest_1samp(folds, 0).pvalue, abs=0.1)


def test_seeds_on_a_held_out_part_are_crossed_with_its_rows(made) -> None:
    rng = np.random.default_rng(4)
    row_N, seed_P = rng.normal(size=4000), np.array([0.3, -0.2, 0.5])
    found = spread((row_N + seed_P[:, None])[None], made.seeds((row_N + seed_P[:, None])[None]))
    assert found.luck[0] == 0  # no row that tests trains
    assert found.rows[0] == pytest.approx(row_N.var(ddof=1) / 4000)
    assert found.training[0] == pytest.approx(seed_P.var(ddof=1) / 3)


def test_rows_of_a_cluster_count_once(made) -> None:
    rng = np.random.default_rng(5)
    heads = rng.normal(size=(1, 1, 60))
    copies = np.repeat(heads, 4, axis=2)
    cluster_N = np.repeat(np.arange(60), 4)
    alone = made.held_out(heads[:, 0])
    together = made.held_out(copies[:, 0])
    together = type(together)(copies, together.fold_PN, together.repeat_P, cluster_N)
    first, second = estimates(alone), estimates(together)
    np.testing.assert_allclose(second.se_A, first.se_A)
    np.testing.assert_allclose(second.low_A, first.low_A)


def test_sums_of_clusters_in_any_order_of_rows() -> None:
    value = np.array([[1.0, 2, 3, 4], [10, 20, 30, 40]])
    np.testing.assert_array_equal(
        clustered(value, np.array([7, -3, 7, 0])), [[2, 4, 4], [20, 40, 40]]
    )


def test_three_rows_that_differ_make_a_wide_t(made) -> None:
    scores = np.zeros((2, 1, 300))
    scores[0, 0, [3, 100, 250]] = 1
    found = contrasts(made.held_out(scores[:, 0]), [(0, 1)], margin=0.0, sign=1)
    assert found.df_C[0] == pytest.approx(3, rel=0.05)
