from __future__ import annotations

import pytest

from core.report.words import amount, differences, interval, metric_words, number, p_words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.01, "0.01"),
        (1e-5, "1e-5"),
        (-1e-5, "−1e-5"),
        (12.3456, "12.35"),
        (0, "0"),
        (-0.0, "0"),
        (-2.5, "−2.5"),
        (1e6, "1e6"),
    ],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


def test_accuracy_is_told_in_per_cent_and_its_differences_in_points() -> None:
    assert amount("test_accuracy", 0.96123) == "96.1 %"
    assert differences("test_accuracy", [0.0123, -0.0004]) == ["1.2", "0.0"]
    assert interval("val_accuracy", (-0.002, 0.018)) == "−0.2 to 1.8"
    assert interval("val_accuracy", (-0.002, 0.0018)) == "−0.20 to 0.18"


def test_other_metrics_keep_their_unit() -> None:
    assert amount("test_loss", 0.123456) == "0.1235"
    assert interval("test_loss", (-0.0021, 0.03)) == "−0.0021 to 0.03"


def test_names_of_metrics_are_words() -> None:
    assert metric_words("val_accuracy") == "validation accuracy"
    assert metric_words("weight_norm") == "weight norm"


def test_tiny_p_is_not_zero() -> None:
    assert p_words(1e-9) == "p < 0.001"
    assert p_words(0.0132, "adjusted p") == "adjusted p = 0.013"
