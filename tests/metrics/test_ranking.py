"""ROC-AUC and average precision: ties, padding, outputs without probabilities, absent classes."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from core.metrics.average_precision import AveragePrecision
from core.metrics.roc_auc import RocAuc
from tests.stacks import generator

R, N = 4, 60


def of_two(score_RN: torch.Tensor, y_RN: torch.Tensor, present: torch.Tensor | None = None):
    """(areas, precisions) of the second class's probability."""
    p = torch.stack([1 - score_RN, score_RN], -1)
    return [m.value(p, y_RN, present, p).tolist() for m in (RocAuc(), AveragePrecision())]


def drawn(levels: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores of so many different values, so that most are tied where there are few."""
    score = torch.randint(levels, (R, N), generator=generator(0)) / levels
    return score, torch.randint(2, (R, N), generator=generator(1))


@pytest.mark.parametrize("levels", [1, 2, 3, 7, 1_000_000])
def test_ties_count_as_scikit_learn_counts_them(levels):
    score, y = drawn(levels)
    areas, precisions = of_two(score, y)
    for r in range(R):
        truth, said = y[r].numpy(), score[r].numpy()
        assert areas[r] == pytest.approx(roc_auc_score(truth, said), abs=1e-6)
        assert precisions[r] == pytest.approx(average_precision_score(truth, said), abs=1e-6)


def test_all_equal_scores_are_worth_a_coin():
    _, y = drawn(1)
    areas, precisions = of_two(torch.full((R, N), 0.3), y)
    assert areas == [0.5] * R
    assert precisions == pytest.approx(y.float().mean(1).tolist())


@pytest.mark.parametrize("held", [float("nan"), 0.0, 1.0])
def test_padding_counts_for_nothing_whatever_it_holds(held):
    score, y = drawn(5)
    counts = (N, 41, 17, 9)
    present = torch.stack([(torch.arange(N) < count).float() for count in counts])
    score[present == 0] = held
    areas, precisions = of_two(score, y, present)
    for r, count in enumerate(counts):
        truth, said = y[r, :count].numpy(), score[r, :count].numpy()
        assert areas[r] == pytest.approx(roc_auc_score(truth, said), abs=1e-6)
        assert precisions[r] == pytest.approx(average_precision_score(truth, said), abs=1e-6)


def test_negative_outputs_and_both_zeros_are_in_the_order_of_numbers():
    z = torch.tensor([[[-3.0], [-0.0], [0.0], [2.0], [-1e-38], [-5.0], [1e30]]])
    y = torch.tensor([[0, 1, 0, 1, 0, 1, 1]])
    truth, said = y[0].numpy(), z[0, :, 0].numpy()
    assert RocAuc().value(z, y, None, None).item() == pytest.approx(roc_auc_score(truth, said))
    found = AveragePrecision().value(z, y, None, None).item()
    assert found == pytest.approx(average_precision_score(truth, said))


def test_of_two_outputs_without_probabilities_their_difference_ranks():
    z = torch.randn(R, N, 2, generator=generator(3))
    y = torch.randint(2, (R, N), generator=generator(4))
    for r, found in enumerate(RocAuc().value(z, y, None, None).tolist()):
        said = (z[r, :, 1] - z[r, :, 0]).numpy()
        assert found == pytest.approx(roc_auc_score(y[r].numpy(), said), abs=1e-6)


@pytest.mark.parametrize("classes", [3, 7])
def test_more_classes_are_the_mean_over_each_against_the_rest(classes):
    # shares of 16 draws: with ties, and summing to one exactly
    drawn = torch.randint(classes, (R, N, 16), generator=generator(5))
    p = torch.nn.functional.one_hot(drawn, classes).float().mean(2)
    y = torch.arange(N).remainder(classes).expand(R, N)
    areas = RocAuc().value(p, y, None, p).tolist()
    precisions = AveragePrecision().value(p, y, None, p).tolist()
    for r in range(R):
        truth, said = y[r].numpy(), p[r].double().numpy()
        area = roc_auc_score(truth, said, multi_class="ovr")
        assert areas[r] == pytest.approx(area, abs=1e-6)
        each = [average_precision_score(truth == c, said[:, c]) for c in range(classes)]
        assert precisions[r] == pytest.approx(np.mean(each), abs=1e-6)


def test_a_split_that_lacks_a_class_is_not_defined():
    score = torch.tensor([[0.1, 0.4, 0.8]])
    for y, area, precision in (([0, 0, 0], False, False), ([1, 1, 1], False, True)):
        areas, precisions = of_two(score, torch.tensor([y]))
        assert np.isfinite(areas[0]) == area
        assert np.isfinite(precisions[0]) == precision
    p = torch.softmax(torch.randn(1, 6, 3, generator=generator(6)), -1)
    y = torch.tensor([[0, 1, 0, 1, 0, 1]])
    assert RocAuc().value(p, y, None, p).isnan().all()
    assert AveragePrecision().value(p, y, None, p).isnan().all()


def test_many_rows_lose_no_count_to_rounding():
    n = 300_000
    score = torch.randperm(n, generator=generator(7))[None] / n
    y = torch.randint(2, (1, n), generator=generator(8))
    areas, _ = of_two(score, y)
    assert areas[0] == pytest.approx(roc_auc_score(y[0].numpy(), score[0].numpy()), abs=1e-7)


def test_with_many_classes_a_sort_for_each_is_not_made_unasked():
    assert [RocAuc().dear(classes) for classes in (2, 3, 10)] == [False, True, True]
