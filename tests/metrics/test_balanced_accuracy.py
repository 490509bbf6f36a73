import pytest
import torch

from core.metrics.balanced_accuracy import BalancedAccuracy


def balanced(said: list[int], target: list[int], present: list[float] | None = None) -> float:
    z, y = torch.eye(3)[torch.tensor([said])], torch.tensor([target])
    there = None if present is None else torch.tensor([present])
    return BalancedAccuracy().value(z, y, there, None).item()


def test_a_class_of_one_example_weighs_as_much_as_a_class_of_four():
    # recalls 3/4 and 1/1, where accuracy says 4/5
    assert balanced([0, 0, 0, 1, 1], [0, 0, 0, 0, 1]) == pytest.approx((0.75 + 1) / 2)


def test_always_the_same_answer_scores_one_over_the_classes_present():
    assert balanced([0] * 6, [0, 0, 0, 0, 1, 2]) == pytest.approx(1 / 3)
    assert balanced([0] * 5, [0, 0, 0, 0, 1]) == pytest.approx(1 / 2)


def test_padding_brings_no_class_in():
    assert balanced([0, 0, 1], [0, 0, 2], [1.0, 1.0, 0.0]) == 1


def test_one_output_tells_two_classes_apart():
    z, y = torch.tensor([[[1.0], [-1.0], [2.0], [3.0]]]), torch.tensor([[1, 0, 0, 1]])
    assert BalancedAccuracy().value(z, y, None, None).item() == pytest.approx((1 + 0.5) / 2)
