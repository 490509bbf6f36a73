"""Intervals and p against quadrature, and against the t that they become."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.report.statistics.interval import Error, error_of
from core.report.statistics.spread import Spread, spread
from tests.report.rederived import Spread as Rederived


def parts(
    apart: list[float], *, explained: float = 1.0, folds: int = 5, times: int = 1, rows_df: float
) -> Spread:
    """Of means whose rows and luck give 1.35."""
    shape = len(apart)
    one = np.ones(shape)
    return Spread(
        mean=0 * one,
        n=np.full(shape, 100),
        rows=one,
        luck=0.35 * one,
        training=0 * one,
        single=one,
        shared=np.nan * one,
        apart=np.array(apart),
        explained=explained * one,
        usual=explained * one,
        times=times * one,
        rows_df=rows_df * one,
        training_df=float((folds - 1) * times),
    )


@pytest.mark.parametrize(("folds", "times"), [(2, 1), (3, 1), (5, 1), (10, 1), (5, 3), (5, 10)])
@pytest.mark.parametrize("rows_df", [3.0, 149.0])
def test_interval_and_p_are_those_of_the_mixture(folds: int, times: int, rows_df: float) -> None:
    apart = [0.0, 0.4, 1.0, 2.5, 30.0]
    found = error_of(parts(apart, folds=folds, times=times, rows_df=rows_df))
    reach_C, p_C = found.reach(0.05), found.p_of(np.full(5, -2.0))
    for i, seen in enumerate(apart):
        training_df = (folds - 1) * times
        exact = Rederived(0.0, 100, 1.35, rows_df, seen, 1.0, times, training_df)
        assert reach_C[i] == pytest.approx(exact.reach(), rel=1e-7)
        assert p_C[i] == pytest.approx(exact.tail(2.0), rel=1e-7)
        assert found.se[i] == pytest.approx(exact.se, rel=1e-7)
        assert found.degrees[i] == pytest.approx(exact.df, rel=1e-5)


@pytest.mark.parametrize("level", [0.05, 0.01, 1e-4, 1e-8])
def test_p_at_the_end_of_an_interval_is_its_level(level: float) -> None:
    found = error_of(parts([0.0, 1.0, 3.0, 1e3, 1e8], rows_df=40.0))
    assert found.p_of(found.reach(level)) == pytest.approx(np.full(5, level), rel=1e-9)


def test_the_more_folds_lie_apart_the_wider_is_the_interval() -> None:
    reach_C = error_of(parts([0.0, 0.5, 1.0, 2.0, 5.0, 50.0], rows_df=99.0)).reach(0.05)
    assert (np.diff(reach_C) > 0).all()
    # by rows and luck alone it would be 1.984 · sqrt(1.35) = 2.305
    assert 2.305 < reach_C[0] < 1.1 * 2.305


def test_where_folds_lie_far_apart_they_alone_count() -> None:
    # rows are then nothing, and the half-Cauchy is as 1 / deviation²: the likelihood
    # deviation^-4 · exp(-4 apart / (2 deviation²)) makes a t with 5 degrees whose scale is
    # sqrt(4 / 5 · apart)
    found = error_of(parts([1e9], rows_df=1e6))
    assert found.se[0] == pytest.approx(np.sqrt(0.8e9), rel=1e-3)
    assert found.degrees[0] == pytest.approx(5, rel=1e-3)
    assert found.reach(0.01)[0] == pytest.approx(stats.t.ppf(0.995, 5) * found.se[0], rel=1e-3)


def test_one_seed_on_a_held_out_part_is_a_t_of_its_rows(made) -> None:
    value = np.random.default_rng(0).normal(0.2, 1, size=60)
    scored = made.held_out(value[None])
    found = spread(scored.score_APN, scored)
    error = error_of(found)
    df = found.rows_df[0]
    assert error.reach(0.05)[0] == pytest.approx(stats.t.ppf(0.975, df) * stats.sem(value))
    t = value.mean() / stats.sem(value)
    assert error.p_of(found.mean)[0] == pytest.approx(2 * stats.t.sf(t, df))
    assert (error.se[0], error.degrees[0]) == pytest.approx((stats.sem(value), df))


def test_means_that_do_not_vary_or_are_of_one_row_or_none(made) -> None:
    values = np.full((3, 1, 50), np.nan)
    values[0], values[1, 0, 7] = 2.0, 2.0
    error = error_of(spread(values, made.folds(values)))
    np.testing.assert_array_equal(error.se, [0, np.nan, np.nan])
    np.testing.assert_array_equal(error.reach(0.05), [0, np.nan, np.nan])
    np.testing.assert_array_equal(error.p_of(np.array([2.0, 2.0, np.nan])), [1, np.nan, np.nan])
    np.testing.assert_array_equal(error.degrees > 0, [True, False, False])


def test_a_mixture_of_what_is_known_to_be_nil_is_a_t() -> None:
    error = Error(np.full((1, 2), 3.0), np.array([[0.25, 0.75]]), np.array([7.0]))
    assert error.reach(0.05)[0] == pytest.approx(3 * stats.t.ppf(0.975, 7))
    assert error.p_of(np.array([6.0]))[0] == pytest.approx(2 * stats.t.sf(2, 7))
