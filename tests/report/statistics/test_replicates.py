"""Against scipy.stats, and against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from core.report.statistics import ALPHA, summarise, two_sided_p

SCORES = st.floats(-1e3, 1e3, allow_nan=False, width=32)


def test_a_summary_worked_by_hand() -> None:
    found = summarise(np.array([[1.0, 2.0, 3.0, np.nan], [5.0, np.nan, np.nan, np.nan]]))
    assert found.n.tolist() == [3, 1]
    assert found.mean.tolist() == [2.0, 5.0]
    assert found.sd[0] == 1.0
    # t(0.975, 2 degrees) = 4.302653 from any table; standard error 1 / sqrt(3)
    assert found.half[0] == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert np.isnan(found.sd[1])
    assert np.isnan(found.half[1])


def test_a_row_without_values_has_no_mean() -> None:
    found = summarise(np.full((2, 3), np.nan))
    assert found.n.tolist() == [0, 0]
    assert np.isnan(found.mean).all()


def test_equal_values_have_no_deviation_despite_rounding() -> None:
    assert summarise(np.full((1, 7), 0.1)).sd[0] == 0.0


@given(arrays(np.float64, (4, 6), elements=SCORES))
def test_means_deviations_and_intervals_agree_with_scipy(values: np.ndarray) -> None:
    found = summarise(values)
    sd = values.std(axis=1, ddof=1)
    moving = found.sd > 0
    np.testing.assert_allclose(found.mean, values.mean(axis=1), atol=1e-9)
    np.testing.assert_allclose(found.sd[moving], sd[moving], rtol=1e-6)
    for row in np.flatnonzero(moving):
        low, high = stats.t.interval(0.95, 5, values[row].mean(), stats.sem(values[row]))
        assert found.half[row] == pytest.approx((high - low) / 2, rel=1e-6)


@given(arrays(np.float64, (2, 8), elements=SCORES))
def test_p_is_that_of_the_paired_t_test(values: np.ndarray) -> None:
    difference = values[0] - values[1]
    found = summarise(difference[None])
    p = two_sided_p(found.mean, found.sd, found.n)
    if found.sd[0] == 0:
        assert np.isnan(p[0])
    else:
        assert p[0] == pytest.approx(stats.ttest_rel(values[0], values[1]).pvalue, rel=1e-6)


def test_the_corrected_t_worked_by_hand() -> None:
    # ten folds, differences of mean 0.02 and deviation 0.02; test over training size 1/9:
    # t = 0.02 / (0.02 · sqrt(1/10 + 1/9)) = 2.17643
    ten = np.array([0.0, 0.04] * 5)
    ten = 0.02 + (ten - ten.mean()) * 0.02 / ten.std(ddof=1)
    found = summarise(ten[None], ratio=1 / 9)
    p = two_sided_p(found.mean, found.sd, found.n, ratio=1 / 9)
    assert p[0] == pytest.approx(2 * stats.t.sf(2.176429, 9), rel=1e-5)
    # uncorrected it would be t = 3.16: the correction costs a factor of five in p
    assert two_sided_p(found.mean, found.sd, found.n)[0] < p[0] / 4


def test_the_interval_excludes_zero_exactly_when_p_is_below_alpha() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(0.5, 1.0, (500, 5))
    for ratio in (0.0, 0.25):
        found = summarise(values, ratio=ratio)
        p = two_sided_p(found.mean, found.sd, found.n, ratio=ratio)
        assert ((np.abs(found.mean) > found.half) == (p < ALPHA)).all()


def test_fewer_than_three_values_are_not_tested() -> None:
    found = summarise(np.array([[0.1, 0.2]]))
    assert np.isnan(two_sided_p(found.mean, found.sd, found.n)[0])
