"""Legends: as many columns as fit the plot."""

import pytest

from core.report.figures.theme import _legend_columns


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["none", "l1", "l2", "elastic net", "dropout"], 5),
        (["one"], 1),
        (["x" * 100] * 8, 2),  # cut to 160 pixels each
        (["x" * 60, "y"] * 3, 4),  # the third long name stands below the first
    ],
)
def test_a_legend_has_as_many_columns_as_fit_the_plot(names: list[str], columns: int) -> None:
    assert _legend_columns(names) == columns
