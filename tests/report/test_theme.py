"""Legends: as many columns as fit the plot."""

import pytest

from core.report.figures.theme import _legend_columns


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["none", "l1", "l2", "elastic net", "dropout"], 4),
        (["one"], 1),
        (["x" * 100] * 8, 1),  # cut to 150 pixels each
        (["x" * 60, "y"] * 3, 2),  # the third long name stands below the first
    ],
)
def test_a_legend_has_as_many_columns_as_fit_the_plot(names: list[str], columns: int) -> None:
    assert _legend_columns(names) == columns
