"""What an arm promises that is taken for its scores: by validation rows alone, and where test rows
that show another arm better may overrule them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from benchmarks.honesty.judge import margin_of
from benchmarks.honesty.world import Outcome, World, play
from core.report.statistics import Array, Scored, contrasts, estimates


@dataclass(frozen=True)
class Taken:
    """Shares of jobs, and mean test score less truth of the arm taken, larger being better.

    overruled: test rows showed another arm better than validation's winner. by_validation,
    by_both: the optimism with validation's winner, and with the arm that overruled it; deviation:
    of a job's. covered, covered_both: intervals of the taken arm that hold its truth.
    covered_overruled: the same of the overruled jobs alone. worse: the arm taken instead was truly
    no better than validation's winner.
    """

    jobs: int
    overruled: float
    limit: float
    by_validation: float
    by_both: float
    deviation: float
    covered: float
    covered_both: float
    covered_overruled: float
    worse: float


def taken_of(world: World, jobs: Iterable[int]) -> Taken:
    """Many jobs of one world, the truth of an arm being its mean over them."""
    outcomes = [play(world, job) for job in jobs]
    truth_A = np.mean([outcome.fresh_A for outcome in outcomes], axis=0)
    if world.equal:
        truth_A[:] = 0.5 if world.kind == "noise" else truth_A.mean()
    margin = margin_of("accuracy" if world.sign > 0 else "mse", truth_A.tolist())
    found = [_taken(outcome, truth_A, world, margin) for outcome in outcomes]
    first, last, ahead, ahead_last, held, held_last = (
        np.array(column) for column in zip(*found, strict=True)
    )
    other = first != last
    count = int(other.sum())
    return Taken(
        jobs=len(outcomes),
        overruled=count / len(outcomes),
        limit=float(binomtest(count, len(outcomes)).proportion_ci().high),
        by_validation=float(ahead.mean()),
        by_both=float(ahead_last.mean()),
        deviation=float(ahead.std()),
        covered=float(held.mean()),
        covered_both=float(held_last.mean()),
        covered_overruled=float(held_last[other].mean()) if count else float("nan"),
        worse=float(np.mean(world.sign * (truth_A[last] - truth_A[first])[other] <= 0))
        if count
        else float("nan"),
    )


def _taken(
    outcome: Outcome, truth_A: Array, world: World, margin: float
) -> tuple[int, int, float, float, bool, bool]:
    """Arms taken by validation and with test rows' say, optimism of each, and whether its interval
    holds the truth."""
    single = estimates(outcome.scored)
    first = int(np.argmax(world.sign * outcome.validation_A))
    last = overruled_by(outcome.scored, first, margin=margin, sign=world.sign)
    ahead_A = world.sign * (single.mean_A - truth_A)
    held_A = (single.low_A <= truth_A) & (truth_A <= single.high_A)
    return first, last, ahead_A[first], ahead_A[last], bool(held_A[first]), bool(held_A[last])


def overruled_by(scored: Scored, best: int, *, margin: float, sign: int) -> int:
    """The arm that test rows show to be better than the best so far, until none is."""
    while True:
        pairs = [(best, arm) for arm in range(len(scored.score_APN)) if arm != best]
        found = contrasts(scored, pairs, margin=margin, sign=sign)
        above = [
            (abs(size), arm)
            for (_, arm), verdict, size in zip(
                pairs, found.verdict_C, found.difference_C.tolist(), strict=True
            )
            if verdict == "worse"
        ]
        if not above:
            return best
        best = max(above)[1]
