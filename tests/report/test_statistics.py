"""Against scipy.stats, and against numbers worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from core.report.statistics import (
    ALPHA,
    MOST,
    holm,
    largest_variance_that_decides,
    replicates_to_decide,
    summarise,
    two_sided_p,
)

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


def test_seeds_that_share_a_fold_are_one_unit() -> None:
    # two seeds × three folds; fold means 1, 2, 3: deviation 1 over 3 units, not 1.05 over 6
    values = np.array([[0.5, 1.5, 2.5, 1.5, 2.5, 3.5]])
    found = summarise(values, unit_R=np.array([0, 1, 2, 0, 1, 2]))
    assert (found.n.tolist(), found.mean.tolist()) == ([6], [2.0])
    assert found.sd[0] == pytest.approx((5.5 / 5) ** 0.5)
    assert found.error[0] == pytest.approx(1 / 3**0.5)
    assert found.half[0] == pytest.approx(4.302653 / 3**0.5, rel=1e-6)


def test_seeds_of_a_single_fold_have_a_deviation_but_no_interval() -> None:
    found = summarise(np.array([[1.0, 2.0, 3.0]]), unit_R=np.zeros(3, dtype=np.int64))
    assert found.sd[0] == 1.0
    assert np.isnan(found.error[0])
    assert np.isnan(found.half[0])


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


def test_holm_worked_by_hand() -> None:
    # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1 = 0.02, 0.03, 0.06, 0.04 -> maximum so far
    adjusted = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, np.nan, 0.06, 0.02])


@given(arrays(np.float64, 7, elements=st.floats(0, 1)))
def test_holm_lies_between_p_and_bonferroni_and_keeps_the_order(p: np.ndarray) -> None:
    adjusted = holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= np.minimum(1, 7 * p) + 1e-15).all()
    order = np.argsort(p, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()


def _decided(mean: float, sd: float, n: int, *, region: float, ratio: float, tests: int) -> bool:
    error = sd * np.sqrt(1 / n + ratio)
    strict = stats.t.ppf(1 - 0.05 / tests / 2, n - 1) * error
    plain = stats.t.ppf(0.975, n - 1) * error
    return bool(strict < abs(mean) or abs(mean) + plain <= region)


@pytest.mark.parametrize("tests", [1, 6])
@pytest.mark.parametrize("ratio", [0.0, 0.05])
@pytest.mark.parametrize("mean", [0.0, 0.002, 0.005, -0.01, 0.03])
def test_replicates_to_decide_is_the_smallest_number_that_decides(
    mean: float, ratio: float, tests: int
) -> None:
    n = replicates_to_decide(
        np.array([mean]), np.array([0.01]), region=0.005, ratio=ratio, tests=tests
    )[0]
    facts = {"region": 0.005, "ratio": ratio, "tests": tests}
    if np.isnan(n):
        assert not _decided(mean, 0.01, MOST, **facts)
    else:
        assert _decided(mean, 0.01, int(n), **facts)
        assert n == 3 or not _decided(mean, 0.01, int(n) - 1, **facts)


def test_the_largest_deciding_variance_is_on_the_edge() -> None:
    edge = largest_variance_that_decides(0.02, units=5, region=0.005, ratio=0.25, tests=3)
    facts = {"region": 0.005, "ratio": 0.25, "tests": 3}
    assert _decided(0.02, np.sqrt(edge * 0.999), 5, **facts)
    assert not _decided(0.02, np.sqrt(edge * 1.001), 5, **facts)
