"""Numbers and ranges as a client writes them: what is taken, what is refused, what they become."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Annotated, Any

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given
from hypothesis import settings as examples
from pydantic import ValidationError

from core.term import Knob, LinearRange, LogRange, Values, Wire


class Holder(Wire):
    strength: Annotated[float, Knob(ge=0)] = 0.0
    rate: Annotated[float, Knob(gt=0, le=1)] = 1.0
    share: Annotated[float, Knob(ge=0, lt=1)] = 0.0
    count: Annotated[int, Knob(ge=1, le=100, integer=True)] = 1


def taken(field: str, value: Any) -> Any:
    """The field as the specification validates it: strictly, with lists made tuples."""
    return getattr(Holder.model_validate({field: value}, strict=True), field)


def refusal(field: str, value: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        taken(field, value)
    return caught.value.errors()[0]["msg"]


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("strength", 0.5, 0.5),
        ("strength", 1, 1.0),
        ("strength", 0, 0.0),
        ("rate", 1.0, 1.0),
        ("count", 100, 100),
        ("strength", {"values": (0.3, 0.1)}, Values(values=(0.3, 0.1))),
        ("strength", {"range": (0, 1), "num": 3}, LinearRange(range=(0, 1), num=3)),
        ("strength", {"log_range": (0.1, 1)}, LogRange(log_range=(0.1, 1), num=5)),
        ("count", {"values": (1, 64)}, Values(values=(1, 64))),
        ("count", {"range": (16, 64), "num": 4}, LinearRange(range=(16, 64), num=4)),
    ],
)
def test_numbers_and_ranges_are_taken(field, value, expected):
    assert taken(field, value) == expected


@pytest.mark.parametrize(
    "value",
    [
        *(True, "0.1", None, [0.1], {}, {"value": 1}),
        *(math.nan, math.inf, -math.inf, -1.0, 1e39),
        *({"values": ()}, {"values": ("0.1",)}, {"values": (True,)}, {"values": (math.nan,)}),
        *({"range": (0, math.inf)}, {"range": (1,)}, {"range": (1, 1)}, {"range": (2, 1)}),
        *({"log_range": (0, 1)}, {"log_range": (-1, 1)}, {"log_range": (1, 0.1)}),
        *({"range": (0, 1), "num": 1}, {"range": (0, 1), "num": 1001}),
        *({"range": (0, 1), "num": 2.5}, {"range": (0, 1), "num": True}),
        *({"range": (0, 1), "values": (1,)}, {"range": (0, 1), "step": 0.1}),
        {"values": (0.1,) * 1001},
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_is_no_number_and_no_range_is_refused(value):
    assert refusal("strength", value)


@pytest.mark.parametrize("value", [1.5, 0, 101, True, "1", {"values": (1.5,)}, 10**400])
def test_a_whole_number_is_whole_and_within_its_bounds(value):
    assert refusal("count", value)


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("strength", {"values": (1.0, -0.5)}, "-0.5 in this range should be at least 0"),
        ("rate", {"range": (0.0, 0.5)}, "0 in this range should be greater than 0"),
        ("rate", {"log_range": (0.1, 2.0)}, "2 in this range should be at most 1"),
        ("share", {"range": (0.5, 1.0)}, "1 in this range should be less than 1"),
        ("count", {"range": (1, 2), "num": 3}, "1.5 is not a whole number"),
        ("count", {"log_range": (1, 10), "num": 3}, "3.16228 is not a whole number"),
    ],
)
def test_a_range_is_held_to_the_bounds_of_its_field(field, value, sentence):
    assert refusal(field, value) == sentence


@pytest.mark.parametrize("field", ["strength", "rate", "share", "count"])
@pytest.mark.parametrize("form", ["range", "log_range"])
@pytest.mark.parametrize("ends", [(1e-300, 1e300), (5e-324, 1.7e308), (1.0, 1.7e308)])
def test_a_range_too_wide_for_its_numbers_is_refused_and_never_overflows(field, form, ends):
    assert refusal(field, {form: ends, "num": 1000})


def test_a_range_over_all_of_float32_has_finite_values():
    for form in ("range", "log_range"):
        grid = taken("strength", {form: (1e-300, 1e38), "num": 1000}).grid()
        assert all(math.isfinite(value) for value in grid)
        assert list(grid) == sorted(grid)


POSITIVE = st.floats(1e-30, 1e30)


@st.composite
def ranges(draw: st.DrawFn) -> LinearRange | LogRange:
    a, b = sorted((draw(POSITIVE), draw(POSITIVE)))
    assume(a < b)
    num = draw(st.integers(2, 40))
    if draw(st.booleans()):
        return LogRange(log_range=(a, b), num=num)
    return LinearRange(range=(a, b), num=num)


def ends_of(drawn: LinearRange | LogRange) -> tuple[float, float]:
    return drawn.range if isinstance(drawn, LinearRange) else drawn.log_range


@examples(max_examples=300, deadline=None)
@given(ranges())
def test_a_grid_has_exact_ends_rises_and_holds_as_many_values_as_asked_for(drawn):
    grid = drawn.grid()
    a, b = ends_of(drawn)
    assert (grid[0], grid[-1], len(grid)) == (a, b, drawn.num)
    assert all(one <= other for one, other in pairwise(grid))


@examples(max_examples=300, deadline=None)
@given(ranges(), st.floats(0, 1, exclude_max=True))
def test_a_value_drawn_from_a_range_lies_in_it(drawn, u):
    a, b = ends_of(drawn)
    value = drawn.at(u)
    assert a * (1 - 1e-12) <= value <= b * (1 + 1e-12)


@examples(max_examples=100, deadline=None)
@given(st.lists(POSITIVE, min_size=1, max_size=9), st.floats(0, 1, exclude_max=True))
def test_a_value_drawn_from_a_list_is_one_of_it(values, u):
    drawn = Values(values=tuple(values))
    assert drawn.at(u) in values
    assert drawn.grid() == tuple(values)


def test_grids_read_as_people_would_write_them():
    assert LogRange(log_range=(1e-4, 1e-1), num=4).grid() == (1e-4, 1e-3, 1e-2, 1e-1)
    assert LogRange(log_range=(1e-5, 0.1), num=3).grid() == (1e-5, 1e-3, 0.1)
    assert LogRange(log_range=(1, 10), num=3).grid() == (1, 3.16228, 10)
    assert LinearRange(range=(0, 1), num=11).grid()[3] == 0.3
    assert LinearRange(range=(16, 64), num=4).grid() == (16, 32, 48, 64)


def test_the_middle_of_a_log_range_is_the_geometric_mean():
    assert LogRange(log_range=(1e-4, 1e-2)).at(0.5) == pytest.approx(1e-3)
    assert LinearRange(range=(2, 4)).at(0.5) == 3
