import pytest
import torch
from sklearn.metrics import r2_score

from core.metrics.r2 import R2


def r2(prediction: torch.Tensor, target: torch.Tensor) -> float:
    return R2().value(prediction[None], target[None], torch.ones(1, len(target)), None).item()


def test_the_mean_of_the_split_scores_zero_and_worse_is_negative():
    target = torch.tensor([[1.0], [2.0], [6.0]])
    assert r2(torch.full((3, 1), 3.0), target) == pytest.approx(0, abs=1e-6)
    assert r2(torch.full((3, 1), 6.0), target) == pytest.approx(1 - 41 / 14)


@pytest.mark.parametrize("value", [0.0, 0.1, 12_345.678])
@pytest.mark.parametrize("miss", [0.0, 1.0])
def test_equal_targets_score_one_when_met_and_else_zero_as_in_scikit_learn(value, miss):
    target = torch.full((7, 2), value)
    prediction = target + miss * torch.tensor([[1.0], [0.0]] * 3 + [[0.0]])
    # float64 there, since a mean of equal float32 numbers is not always that number
    expected = r2_score(torch.full((7, 2), round(value)), round(value) + prediction - target)
    assert r2(prediction, target) == pytest.approx(expected)


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_the_scale_of_the_targets_does_not_matter(scale):
    target = torch.tensor([[1.0], [2.0], [6.0]])
    prediction = torch.tensor([[1.5], [2.0], [5.0]])
    assert r2(scale * prediction, scale * target) == pytest.approx(1 - 1.25 / 14, rel=1e-5)


def test_outputs_are_averaged():
    target = torch.tensor([[1.0, 1.0], [3.0, 3.0]])
    prediction = torch.tensor([[1.0, 2.0], [3.0, 2.0]])  # the first met, the second its mean
    assert r2(prediction, target) == pytest.approx(0.5)
