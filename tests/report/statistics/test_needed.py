from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.report.statistics import Needed, contrasts, to_decide, variance_shares
from core.report.statistics.needed import Belief
from core.report.statistics.spread import spread
from core.report.statistics.training import SCALE, shown


def pair(rng: np.random.Generator, ahead: float, rows: int, passes: int = 1) -> np.ndarray:
    """(2, passes, rows) of which the first is ahead in the mean by exactly so many deviations of
    a row's difference, which every training shows alike."""
    own = rng.normal(size=rows)
    own = (own - own.mean()) / own.std()
    score_APN = np.zeros((2, passes, rows))
    score_APN[0] = own + ahead
    return score_APN


def test_rows_are_asked_for_where_every_training_says_the_same(made) -> None:
    scored = made.folds(pair(np.random.default_rng(0), 0.12, 400, passes=3))
    assert contrasts(scored, [(0, 1)], margin=0.01, sign=1).verdict_C == ("undecided",)
    needed = to_decide(scored, (0, 1), margin=0.01)
    assert needed.kind == "rows"
    # 0.12 ± 1.96 · sqrt(1.55 / n) is beyond zero in half of the cases at n = 414: more for 80 %
    assert 414 - 400 < needed.count < 2000


def test_repeats_are_asked_for_where_every_training_says_something_else(made) -> None:
    rng = np.random.default_rng(1)
    score_APN = np.zeros((2, 2, 300))
    score_APN[0] = rng.normal(size=(2, 300))
    score_APN[0] += 0.085 - score_APN[0].mean()
    scored = made.folds(score_APN)
    assert contrasts(scored, [(0, 1)], margin=0.15, sign=1).verdict_C == ("undecided",)
    needed = to_decide(scored, (0, 1), margin=0.15)
    assert needed.kind == "repeats"
    assert 1 <= needed.count <= 18


def test_one_pass_gives_no_number_of_repeats(made) -> None:
    rng = np.random.default_rng(1)
    score_APN = np.zeros((2, 1, 300))
    score_APN[0] = rng.normal(size=(1, 300))
    score_APN[0] += 0.16 - score_APN[0].mean()
    needed = to_decide(made.folds(score_APN), (0, 1), margin=0.15)
    assert needed.kind != "repeats"


def test_folds_that_may_hide_an_unsteady_training_give_no_number(made) -> None:
    # the rows that are asked for where three trainings agree, from as few folds as there can be
    once = made.folds(pair(np.random.default_rng(0), 0.12, 400))
    assert contrasts(once, [(0, 1)], margin=0.01, sign=1).verdict_C == ("undecided",)
    needed = to_decide(once, (0, 1), margin=0.01)
    assert needed.kind is None
    assert needed.unsteady


def test_what_training_may_add_follows_what_folds_show(made) -> None:
    calm = pair(np.random.default_rng(5), 0.1, 500, passes=3)
    wild = calm.copy()
    of_fold = np.random.default_rng(6).normal(size=(3, 5))
    fold_PN = made.folds(calm).fold_PN
    wild[0] += 0.5 * np.take_along_axis(of_fold, fold_PN, axis=1)
    for score_APN in (calm, wild):
        scored = made.folds(score_APN)
        found = spread((score_APN[0] - score_APN[1])[None], scored)
        belief = Belief.of(found)
        assert belief.weight_G.sum() == pytest.approx(1)
        # by quadrature: half-Cauchy times the chi-square of 12 degrees of freedom
        apart, rows = float(found.apart[0]), float(found.explained[0])
        deviation = np.linspace(0, 60, 60_001)
        likely = np.exp(-6 * (np.log1p(deviation**2) + apart / rows / (1 + deviation**2)))
        likely /= 1 + (deviation / SCALE) ** 2
        expected = rows * np.trapezoid(deviation**2 * likely) / np.trapezoid(likely)
        assert belief.variance_G @ belief.weight_G == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("df", [4.0, 12.0])
def test_what_folds_may_show_is_a_chi_square(df: float) -> None:
    at = (np.arange(6) + 0.5) / 6
    expected = 2.0 * stats.chi2.ppf(at, df) / df
    assert shown(np.array([2.0]), np.array([df])) == pytest.approx(expected, rel=0.03)


def test_a_hair_asks_for_more_than_is_reasonable(made) -> None:
    scored = made.folds(pair(np.random.default_rng(2), 0.002, 200, passes=2))
    needed = to_decide(scored, (0, 1), margin=1e-4)
    assert needed.kind is None
    assert needed.count == 0 or needed.count > 10 * 200


def test_a_wider_family_needs_more(made) -> None:
    scored = made.folds(pair(np.random.default_rng(3), 0.12, 400, passes=3))
    alone = to_decide(scored, (0, 1), margin=0.01)
    among = to_decide(scored, (0, 1), margin=0.01, level=0.005)
    assert among.count > alone.count


def test_the_side_does_not_matter(made) -> None:
    scored = made.folds(pair(np.random.default_rng(4), 0.12, 400, passes=3))
    assert to_decide(scored, (0, 1), margin=0.01) == to_decide(scored, (1, 0), margin=0.01)


def test_nothing_is_asked_of_arms_without_scores_or_without_a_difference(made) -> None:
    none = made.folds(np.full((2, 1, 50), np.nan))
    same = made.folds(np.ones((2, 1, 50)))
    assert to_decide(none, (0, 1), margin=0.01) == Needed(None, 0)
    assert to_decide(same, (0, 1), margin=0.01) == Needed(None, 0)


@pytest.mark.parametrize(
    ("rows", "seed", "fold"), [(3.0, 1.0, 0.0), (1.0, 3.0, 0.0), (1.0, 1.0, 2.0)]
)
def test_shares_of_variance_are_those_put_in(made, rows: float, seed: float, fold: float) -> None:
    rng = np.random.default_rng(5)
    score_APN = np.sqrt(rows) * rng.normal(size=(1, 1, 4000))
    score_APN = score_APN + np.sqrt(seed) * rng.normal(size=(1, 40, 4000))
    plain = made.folds(score_APN)
    of_fold = rng.normal(size=(40, 5))
    added = np.take_along_axis(of_fold, plain.fold_PN, axis=1)
    found = variance_shares(made.folds(score_APN + np.sqrt(fold) * added))
    total = rows + seed + fold
    assert found.rows[0] == pytest.approx(rows / total, abs=0.06)
    assert found.fold[0] == pytest.approx(fold / total, abs=0.12)
    assert found.seed[0] + found.fold[0] + found.rows[0] == pytest.approx(1)


def test_scores_that_do_not_vary_have_no_shares(made) -> None:
    assert np.isnan(variance_shares(made.folds(np.ones((1, 2, 60)))).rows[0])
