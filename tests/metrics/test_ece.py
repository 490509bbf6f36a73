import pytest
import torch

from core.metrics.ece import BINS, ExpectedCalibrationError


def ece(rows: list[list[float]], target: list[int]) -> float:
    p, y = torch.tensor([rows]), torch.tensor([target])
    return ExpectedCalibrationError().value(p, y, torch.ones(1, len(target)), p).item()


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    # 0.6 = 9/15 lies in (8/15, 9/15], apart from 0.62: (|0.6 - 1| + |0.62 - 0|) / 2
    assert BINS == 15
    assert ece([[0.6, 0.4], [0.62, 0.38]], [0, 1]) == pytest.approx(0.51, abs=1e-6)


def test_confidences_in_one_bin_are_compared_with_the_share_that_is_right():
    # 0.61 and 0.65 share (9/15, 10/15]: |0.63 - 0.5|
    assert ece([[0.61, 0.39], [0.65, 0.35]], [0, 1]) == pytest.approx(0.13, abs=1e-6)


def test_certainty_counts_and_is_calibrated_only_when_right():
    assert ece([[1.0, 0.0], [0.0, 1.0]], [0, 1]) == 0
    assert ece([[1.0, 0.0], [0.0, 1.0]], [1, 0]) == 1


def test_over_and_under_confidence_in_different_bins_do_not_cancel():
    # 0.9 and wrong: 0.9; 0.55 and right: 0.45; halves of each
    assert ece([[0.9, 0.1], [0.55, 0.45]], [1, 0]) == pytest.approx(0.675, abs=1e-6)
