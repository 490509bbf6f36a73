"""Against scipy.stats, by hand, and invariances that any inference over rows has."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from core.report.statistics import Scored, contrasts, estimates

PAIR = [(0, 1)]


def test_one_held_out_part_and_one_seed_is_the_paired_t_test(made) -> None:
    a, b = np.random.default_rng(1).normal([[0.1], [0.0]], size=(2, 400))
    found = contrasts(made.held_out(np.stack([a, b])), PAIR, margin=0.01, sign=1)
    t = stats.ttest_rel(a, b)
    assert found.difference_C[0] == pytest.approx((a - b).mean())
    assert found.difference_C[0] / found.se_C[0] == pytest.approx(t.statistic)
    assert found.p_C[0] == pytest.approx(t.pvalue, rel=0.05)
    assert found.p_adjusted_C[0] == found.p_C[0]


def right(rows: int, wins: int, losses: int) -> np.ndarray:
    """(2, rows) of two arms of which the first alone is right on `wins`, and so on."""
    score_AN = np.ones((2, rows))
    score_AN[1, :wins] = 0
    score_AN[0, wins : wins + losses] = 0
    return score_AN


@pytest.mark.parametrize(
    ("wins", "losses"), [(3, 0), (5, 0), (4, 2), (8, 0), (9, 1), (11, 2), (10, 8), (30, 10)]
)
def test_few_rows_that_differ_are_decided_as_by_mcnemars_exact_test(
    made, wins: int, losses: int
) -> None:
    found = contrasts(made.held_out(right(500, wins, losses)), PAIR, margin=0.0, sign=1)
    exact = stats.binomtest(wins, wins + losses).pvalue
    assert (found.p_C[0] < 0.05) == (exact < 0.05)
    assert (found.verdict_C[0] == "better") == (exact < 0.05)


def test_one_row_more_in_every_seed_is_no_finding(made) -> None:
    score_APN = np.zeros((2, 5, 36))
    for seed in range(5):
        score_APN[:, seed, : 20 + seed] = 1
        score_APN[0, seed, 20 + seed] = 1  # one test row more, from another base each time
    found = contrasts(made.seeds(score_APN), PAIR, margin=0.0, sign=1)
    assert found.p_C[0] > 0.05
    assert found.verdict_C == ("undecided",)


def test_roundings_of_float32_are_no_difference(made) -> None:
    a = np.random.default_rng(2).gamma(2.0, size=300)
    b = a.astype(np.float32).astype(np.float64) * (1 + 1e-7)
    found = contrasts(made.held_out(np.stack([a, b])), PAIR, margin=0.0, sign=-1)
    assert found.verdict_C == ("equivalent",)
    assert found.difference_C[0] == 0


def test_identical_arms_are_equivalent_with_an_interval_of_no_width(made) -> None:
    a = np.random.default_rng(2).normal(size=100)
    for scored in (made.held_out(np.stack([a, a])), made.folds(np.stack([a, a])[:, None])):
        found = contrasts(scored, PAIR, margin=0.0, sign=1)
        assert found.verdict_C == ("equivalent",)
        assert (found.p_C[0], found.p_adjusted_C[0]) == (1.0, 1.0)
        assert (found.low_C[0], found.high_C[0]) == (0.0, 0.0)


def test_four_rows_that_all_differ_alike_prove_nothing(made) -> None:
    # by a sign test p = 2 / 2^4 = 0.125
    found = contrasts(made.held_out(right(4, 4, 0)), PAIR, margin=0.0, sign=1)
    assert found.p_C[0] > 0.05
    assert found.verdict_C == ("undecided",)


def test_adjusted_p_and_simultaneous_intervals_never_contradict_each_other(made) -> None:
    pairs = [(a, b) for a in range(6) for b in range(6) if a != b]
    for seed in range(10):
        rng = np.random.default_rng(seed)
        scores = rng.normal(size=(6, 200)) + np.linspace(0, 0.8, 6)[:, None]
        found = contrasts(made.folds(scores[:, None]), pairs, margin=0.01, sign=1)
        beyond = (found.low_C > 0) | (found.high_C < 0)
        assert beyond.any()
        assert not beyond.all()
        assert (beyond == (found.p_adjusted_C < 0.05)).all()
        assert (found.p_adjusted_C >= found.p_C).all()
        assert (found.p_adjusted_C <= np.minimum(15 * found.p_C, 1)).all()


def test_many_arms_that_hang_together_pay_less_than_bonferroni(made) -> None:
    rng = np.random.default_rng(5)
    own = rng.normal(size=(8, 400))
    apart = contrasts(made.held_out(own), PAIR, margin=0.0, sign=1).level
    # all but the first are nearly one arm: seven pairs are nearly one, the rest nearly nothing
    alike = np.concatenate([own[:1], own[1] + 0.01 * own[1:]])
    family = [(0, arm) for arm in range(1, 8)]
    close = contrasts(made.held_out(alike), PAIR, margin=0.0, sign=1, family=family).level
    assert 0.05 / 28 < apart < 0.05 / 10
    assert 0.045 < close <= 0.05


def test_dunnetts_critical_value_is_met_where_arms_are_independent(made) -> None:
    rng = np.random.default_rng(6)
    scores = rng.normal(size=(5, 4000))
    family = [(arm, 0) for arm in range(1, 5)]
    found = contrasts(made.held_out(scores), family, margin=0.0, sign=1, family=family)
    exact = stats.dunnett(*scores[1:], control=scores[0], rng=1).confidence_interval(0.95)
    widths = (found.high_C - found.low_C) / (exact.high - exact.low)
    np.testing.assert_allclose(widths, 1.0, rtol=0.04)


@pytest.mark.parametrize(("shift", "verdict"), [(0.5, "better"), (-0.5, "worse")])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clear_difference_is_said_from_the_side_of_the_first(
    made, shift: float, verdict: str, sign: int
) -> None:
    rng = np.random.default_rng(7)
    b = rng.normal(size=300)
    a = b + sign * shift + 0.1 * rng.normal(size=300)
    found = contrasts(made.folds(np.stack([a, b])[:, None]), PAIR, margin=0.01, sign=sign)
    assert found.verdict_C == (verdict,)


def test_equivalent_is_an_interval_within_the_margin_and_says_nothing_of_zero(made) -> None:
    rng = np.random.default_rng(8)
    b = rng.normal(size=400)
    a = b + 0.02 + 0.01 * rng.normal(size=400)
    scored = made.folds(np.stack([a, b])[:, None])
    assert contrasts(scored, PAIR, margin=0.05, sign=1).verdict_C == ("equivalent",)
    assert contrasts(scored, PAIR, margin=0.01, sign=1).verdict_C == ("better",)


def test_neither_the_order_of_rows_nor_of_arms_nor_the_side_changes_a_thing(made) -> None:
    rng = np.random.default_rng(9)
    scored = made.folds(rng.normal(size=(3, 2, 120)))
    found = contrasts(scored, [(0, 1), (0, 2)], margin=0.1, sign=1)
    order = rng.permutation(120)
    moved = replace(
        scored, score_APN=scored.score_APN[:, :, order], fold_PN=scored.fold_PN[:, order]
    )
    again = contrasts(moved, [(0, 1), (0, 2)], margin=0.1, sign=1)
    np.testing.assert_allclose(again.low_C, found.low_C)
    np.testing.assert_allclose(again.p_C, found.p_C)
    back = contrasts(scored, [(1, 0), (2, 0)], margin=0.1, sign=1)
    np.testing.assert_allclose(back.low_C, -found.high_C)
    np.testing.assert_allclose(back.p_adjusted_C, found.p_adjusted_C)
    swapped = replace(scored, score_APN=scored.score_APN[[2, 1, 0]])
    other = contrasts(swapped, [(2, 1), (2, 0)], margin=0.1, sign=1)
    np.testing.assert_allclose(other.se_C, found.se_C)
    np.testing.assert_allclose(other.low_C, found.low_C, rtol=0.02)  # drawn in another order


def test_the_unit_of_the_scores_scales_the_intervals(made) -> None:
    scored = made.folds(np.random.default_rng(10).normal(size=(2, 3, 100)))
    scaled = replace(scored, score_APN=1000 * scored.score_APN + 3)
    one, other = (contrasts(s, PAIR, margin=0.1, sign=1) for s in (scored, scaled))
    np.testing.assert_allclose(other.low_C, 1000 * one.low_C)
    np.testing.assert_allclose(other.p_C, one.p_C)


def test_an_arm_without_a_score_has_neither_estimate_nor_verdict(made) -> None:
    scores = np.random.default_rng(4).normal(size=(2, 50))
    scores[1] = np.nan
    scored = made.held_out(scores)
    assert np.isnan(estimates(scored).low_A[1])
    found = contrasts(scored, PAIR, margin=0.01, sign=1)
    assert found.verdict_C == ("undecided",)
    assert np.isnan(found.p_adjusted_C[0])


def test_a_fold_that_diverged_leaves_the_rows_that_both_were_tested_on(made) -> None:
    scored = made.folds(np.random.default_rng(11).normal(size=(2, 1, 200)))
    lost = scored.score_APN.copy()
    lost[1, 0, scored.fold_PN[0] == 3] = np.inf
    found = contrasts(replace(scored, score_APN=lost), PAIR, margin=0.1, sign=1)
    there = scored.fold_PN[0] != 3
    difference = scored.score_APN[0, 0, there] - scored.score_APN[1, 0, there]
    assert found.difference_C[0] == pytest.approx(difference.mean())
    assert np.isfinite(found.p_adjusted_C[0])


def test_a_pass_that_is_missing_for_one_arm_pairs_the_others(made) -> None:
    scored = made.folds(np.random.default_rng(12).normal(size=(2, 3, 150)))
    lost = scored.score_APN.copy()
    lost[0, 1] = np.nan
    found = contrasts(replace(scored, score_APN=lost), PAIR, margin=0.1, sign=1)
    kept = (scored.score_APN[0] - scored.score_APN[1])[[0, 2]].mean()
    assert found.difference_C[0] == pytest.approx(kept)


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_next_to_no_rows_decide_nothing(made, rows: int) -> None:
    scored = made.held_out(np.random.default_rng(rows).normal([[3.0], [0.0]], size=(2, rows)))
    assert contrasts(scored, PAIR, margin=0.1, sign=1).verdict_C == ("undecided",)


def test_an_arm_that_is_always_right_still_has_an_interval(made) -> None:
    # Wilson at 150 of 150 with t(149) = 1.976: low = 1 / (1 + 1.976² / 150)
    found = estimates(made.held_out(np.ones((1, 150))))
    assert (found.mean_A[0], found.high_A[0]) == pytest.approx((1.0, 1.0))
    assert found.low_A[0] == pytest.approx(1 / (1 + 1.976**2 / 150), rel=1e-4)


def test_the_interval_of_a_share_on_a_held_out_part_is_wilsons(made) -> None:
    score = (np.arange(400) < 90).astype(float)
    found = estimates(made.held_out(score[None]))
    wilson = stats.binomtest(90, 400).proportion_ci(method="wilson")
    assert found.low_A[0] == pytest.approx(wilson.low, abs=2e-3)
    assert found.high_A[0] == pytest.approx(wilson.high, abs=2e-3)


def test_nothing_is_drawn_anew_from_call_to_call(made) -> None:
    scored: Scored = made.folds(np.random.default_rng(13).normal(size=(4, 1, 90)))
    first, second = (contrasts(scored, [(0, 1), (2, 3)], margin=0.1, sign=1) for _ in range(2))
    assert (first.p_adjusted_C == second.p_adjusted_C).all()
    assert (first.low_C == second.low_C).all()


def test_an_arm_that_answers_as_another_does_widens_no_interval(made) -> None:
    rng = np.random.default_rng(5)
    three = rng.normal(size=(3, 300)) + rng.normal(size=300)
    with_twin = np.concatenate([three, three[:1]])
    few = contrasts(made.held_out(three), [(0, 1)], margin=0.01, sign=1)
    many = contrasts(made.held_out(with_twin), [(0, 1)], margin=0.01, sign=1)
    # the same family of differences but drawn otherwise: within what the draws leave open
    assert many.low_C[0] == pytest.approx(few.low_C[0], rel=0.02)
    assert many.p_adjusted_C[0] == pytest.approx(few.p_adjusted_C[0], abs=0.01)
