"""An axis that one failure cannot stretch."""

from __future__ import annotations

from math import nan

import pytest

from core.report.figures.frame import Frame, frame_of


def test_one_failure_does_not_stretch_the_axis_and_is_counted() -> None:
    frame = frame_of([0.94, 0.945, 0.95, 0.955, 0.96, 0.1])
    assert frame.beyond == 1
    assert frame.low == pytest.approx(0.94 - 0.04 * 0.02)
    assert frame.high == pytest.approx(0.96 + 0.04 * 0.02)
    assert frame.words() == " 1 point lies beyond the frame."


def test_equal_scores_do_not_hide_what_is_beside_them_but_what_failed() -> None:
    assert frame_of([0.95] * 6 + [0.94]).beyond == 0
    assert frame_of([0.95] * 6 + [0.1]).beyond == 1


def test_points_spread_evenly_are_all_inside() -> None:
    frame = frame_of([float(value) for value in range(11)])
    assert frame.beyond == 0
    assert frame.words() == ""
    assert (frame.low, frame.high) == (pytest.approx(-0.4), pytest.approx(10.4))


def test_an_end_of_an_interval_is_inside_unless_it_is_as_far_as_a_failure() -> None:
    points = [0.94, 0.95, 0.96]
    assert frame_of(points, ends=[0.9]).holds(0.9)
    assert not frame_of(points, ends=[-3.0]).holds(-3.0)


def test_no_axis_reaches_beyond_what_a_score_can_be() -> None:
    assert frame_of([0.98, 0.99, 1.0], limits=(0.0, 1.0)).high == 1.0


def test_numbers_that_are_none_are_left_out() -> None:
    frame = frame_of([nan, 2.0, 2.0])
    assert (frame.low, frame.high, frame.beyond) == (pytest.approx(1.96), pytest.approx(2.04), 0)
    assert frame_of([]) == Frame(0.0, 1.0, 0)


def test_a_value_beyond_is_drawn_at_the_nearer_end() -> None:
    frame = Frame(0.0, 1.0, 0)
    assert [frame.inside(value) for value in (-1.0, 0.5, 7.0)] == [0.0, 0.5, 1.0]
