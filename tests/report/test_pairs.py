from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from core.report.pairs import Design, compare
from core.report.report import Pair


def by_seed(n: int, **more: object) -> Design:
    plain = Design(tuple((s, None) for s in range(n)), ratio=0.0, blocked=False, per_seed=1)
    return replace(plain, **more)


def by_fold(seeds: int, folds: int, ratio: float) -> Design:
    grid = tuple((s, f) for s in range(seeds) for f in range(folds))
    return Design(grid, ratio=ratio, blocked=True, per_seed=folds)


def pair_of(a: list[float], b: list[float], design: Design | None = None, **more: object) -> Pair:
    scores = np.array([a, b], dtype=float)
    facts = {"direction": "max", "region": 0.005} | more
    expected = np.ones(scores.shape, dtype=bool)
    (pair,) = compare(["a", "b"], scores, expected, design=design or by_seed(len(a)), **facts)
    return pair


def test_a_clear_difference_is_better_with_scipys_p() -> None:
    a, b = [0.95, 0.96, 0.955, 0.958], [0.91, 0.93, 0.92, 0.922]
    pair = pair_of(a, b)
    reference = stats.ttest_rel(a, b)
    low, high = reference.confidence_interval()
    assert pair.verdict == "better"
    assert pair.test == "paired t"
    assert pair.p == pytest.approx(reference.pvalue)
    assert pair.p_adjusted == pytest.approx(reference.pvalue)
    assert pair.ci95 == (pytest.approx(low), pytest.approx(high))
    assert pair.difference == pytest.approx(0.03525)
    assert pair.seeds_to_decide is None
    assert pair.n == 4


def test_better_means_lower_where_lower_is_better() -> None:
    a, b = [0.95, 0.96, 0.955, 0.958], [0.91, 0.93, 0.92, 0.922]
    assert pair_of(a, b, direction="min").verdict == "worse"


def test_a_small_difference_is_equivalent_even_when_it_is_significant() -> None:
    a = [0.951, 0.961, 0.9551, 0.9581]
    pair = pair_of(a, [0.95, 0.96, 0.954, 0.957])
    assert pair.p_adjusted is not None
    assert pair.p_adjusted < 0.05
    assert pair.verdict == "equivalent"


def test_an_undecided_pair_says_how_many_seeds_would_decide() -> None:
    pair = pair_of([0.95, 0.96, 0.94], [0.94, 0.935, 0.945])
    assert pair.verdict == "undecided"
    assert pair.seeds_to_decide is not None
    assert pair.seeds_to_decide > 3
    assert pair.note is None


@pytest.mark.parametrize("n", [1, 2])
def test_fewer_than_three_replicates_are_not_tested_and_the_note_says_why(n: int) -> None:
    pair = pair_of([0.95, 0.96][:n], [0.90, 0.92][:n])
    assert (pair.p, pair.p_adjusted, pair.ci95, pair.test) == (None, None, None, None)
    assert pair.verdict == "undecided"
    assert pair.difference is not None
    assert pair.note is not None
    assert "fewer than 3" in pair.note


def test_pairing_uses_the_replicates_both_have_and_says_so() -> None:
    nan = float("nan")
    pair = pair_of([0.95, nan, 0.955, 0.958, 0.95], [0.91, 0.93, 0.92, 0.922, nan])
    assert pair.n == 3
    assert pair.difference == pytest.approx(np.mean([0.04, 0.035, 0.036]))
    assert pair.note == "Paired on 3 of 5 replicates: a lacks 1 and b lacks 1."


def test_no_replicate_in_common_is_no_difference() -> None:
    nan = float("nan")
    pair = pair_of([0.95, nan], [nan, 0.9])
    assert (pair.difference, pair.n, pair.verdict) == (None, 0, "undecided")


def test_arms_that_score_alike_every_time_are_equivalent_without_a_test() -> None:
    pair = pair_of([0.95, 0.96, 0.94], [0.95, 0.96, 0.94])
    assert (pair.verdict, pair.p, pair.ci95) == ("equivalent", None, (0.0, 0.0))
    assert "the same in each" in str(pair.note)


def test_seeds_that_change_nothing_count_as_one_replicate() -> None:
    pair = pair_of([0.95] * 5, [0.90] * 5)
    assert (pair.verdict, pair.p, pair.seeds_to_decide) == ("undecided", None, None)
    assert "worth one" in str(pair.note)
    assert "split.resample" in str(pair.note)


def test_a_difference_without_deviation_is_not_called_certain() -> None:
    a = np.array([0.95, 0.96, 0.94])
    pair = pair_of(a.tolist(), (a - 0.03).tolist())
    assert (pair.verdict, pair.p) == ("undecided", None)
    assert "no deviation" in str(pair.note)


def test_resamples_get_the_corrected_interval() -> None:
    a, b = [0.95, 0.96, 0.955, 0.958], [0.91, 0.93, 0.92, 0.922]
    plain, corrected = pair_of(a, b), pair_of(a, b, by_seed(4, ratio=0.25))
    assert corrected.test == "Nadeau-Bengio corrected paired t"
    # sqrt(1/4 + 1/4) over sqrt(1/4)
    width = np.ptp(corrected.ci95) / np.ptp(plain.ci95)
    assert width == pytest.approx(2**0.5)


def test_the_seeds_of_a_fold_are_averaged_to_one_difference() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0.95, 0.01, 12), rng.normal(0.93, 0.01, 12)
    pair = pair_of(a.tolist(), b.tolist(), by_fold(3, 4, 1 / 3))
    folds = (a - b).reshape(3, 4).mean(axis=0)
    t = folds.mean() / (folds.std(ddof=1) * np.sqrt(1 / 4 + 1 / 3))
    assert pair.n == 4
    assert pair.p == pytest.approx(2 * stats.t.sf(abs(t), 3))


def test_more_seeds_do_not_help_where_the_folds_disagree() -> None:
    fold = np.tile([0.0, 0.04, -0.02, 0.03], 3)
    noise = np.random.default_rng(0).normal(0, 1e-4, 12)
    pair = pair_of((0.9 + fold + noise).tolist(), [0.9] * 12, by_fold(3, 4, 1 / 3))
    assert pair.verdict == "undecided"
    assert pair.seeds_to_decide is None
    assert "More seeds alone would not decide" in str(pair.note)


def test_more_seeds_help_where_the_noise_is_within_the_folds() -> None:
    noise = np.random.default_rng(3).normal(0, 0.03, 12)
    pair = pair_of((0.915 + noise).tolist(), [0.9] * 12, by_fold(3, 4, 1 / 3))
    assert pair.verdict == "undecided"
    assert pair.seeds_to_decide is not None
    assert pair.seeds_to_decide > 3


def test_holm_counts_all_pairs() -> None:
    rng = np.random.default_rng(0)
    scores = 0.9 + 0.01 * np.arange(3)[:, None] + rng.normal(0, 0.004, (3, 5))
    pairs = compare(
        ["a", "b", "c"],
        scores,
        np.ones(scores.shape, dtype=bool),
        design=by_seed(5),
        direction="max",
        region=0.001,
    )
    p = sorted(pair.p or 0 for pair in pairs)
    assert [(pair.a, pair.b) for pair in pairs] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert min(pair.p_adjusted or 0 for pair in pairs) == pytest.approx(min(1, 3 * p[0]))


@given(
    arrays(np.int64, (3, 5), elements=st.integers(0, 360)),
    st.floats(-100, 100, allow_nan=False),
)
def test_adding_a_constant_to_all_scores_alters_no_difference(
    right: np.ndarray, constant: float
) -> None:
    scores = right / 360
    facts = {"design": by_seed(5), "direction": "max", "region": 0.005}
    expected = np.ones(scores.shape, dtype=bool)
    before = compare(["a", "b", "c"], scores, expected, **facts)
    after = compare(["a", "b", "c"], scores + constant, expected, **facts)
    for one, other in zip(before, after, strict=True):
        assert one.difference == pytest.approx(other.difference, abs=1e-9)
        assert (one.p is None) == (other.p is None)
        if one.p is not None:
            assert one.p == pytest.approx(other.p, rel=1e-6, abs=1e-12)


@given(arrays(np.float64, (2, 4), elements=st.floats(0, 1, width=16)))
def test_swapping_the_arms_turns_the_verdict(scores: np.ndarray) -> None:
    there = pair_of(scores[0].tolist(), scores[1].tolist())
    back = pair_of(scores[1].tolist(), scores[0].tolist())
    turned = {"better": "worse", "worse": "better"}
    assert back.verdict == turned.get(there.verdict, there.verdict)
    assert back.difference == pytest.approx(-there.difference)
    assert back.seeds_to_decide == there.seeds_to_decide
