import torch

from core.metrics.accuracy import Accuracy


def accuracy(prediction: list[list[float]], target: list[int]) -> float:
    present = torch.ones(1, len(target))
    z, y = torch.tensor([prediction]), torch.tensor([target])
    return Accuracy().value(z, y, present, None).item()


def test_of_tied_outputs_the_first_is_chosen():
    assert accuracy([[1.0, 1.0, 0.0]], [0]) == 1
    assert accuracy([[1.0, 1.0, 0.0]], [1]) == 0
    assert accuracy([[0.0, 1.0, 1.0]], [1]) == 1


def test_one_output_says_class_one_only_when_positive():
    assert accuracy([[1e-30], [0.0], [-1e-30]], [1, 0, 0]) == 1
    assert accuracy([[0.0]], [1]) == 0


def test_outputs_whose_last_axis_is_strided_are_decided_alike():
    z = torch.tensor([[[0.0, 2.0], [5.0, 1.0], [3.0, 3.0]]]).transpose(1, 2)  # (1, 2, 3)
    y = torch.tensor([[1, 2]])
    assert Accuracy().value(z, y, torch.ones(1, 2), None).item() == 1
