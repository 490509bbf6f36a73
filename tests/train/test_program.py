"""Which rows a term acts on."""

from __future__ import annotations

import numpy as np
import pytest

from core.train.program import segments


@pytest.mark.parametrize(
    ("chosen", "found"),
    [
        ("", ()),
        ("0", ()),
        ("1", ((0, 1),)),
        ("000", ()),
        ("111", ((0, 3),)),
        ("101", ((0, 1), (2, 3))),
        ("0110010", ((1, 3), (5, 6))),
        ("1100011", ((0, 2), (5, 7))),
    ],
)
def test_segments_are_the_longest_runs_of_what_is_chosen(chosen, found) -> None:
    assert segments(np.array([place == "1" for place in chosen], bool)) == found
