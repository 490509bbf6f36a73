"""What an arm promises that is taken for its scores: by validation rows alone, and where test rows
that show another arm better may overrule them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmarks.honesty.judge import margin_of
from benchmarks.honesty.world import World, play
from core.report.statistics import Scored, contrasts, estimates


@dataclass(frozen=True)
class Taken:
    """Shares of jobs, and mean test score less truth of the arm taken (larger is better).

    overruled: test rows showed another arm better than validation's winner. by_validation,
    by_both: the optimism of validation's winner, and of the arm taken once test rows had their say.
    covered, covered_both: the interval of that arm holds its truth.
    """

    jobs: int
    overruled: float
    by_validation: float
    by_both: float
    covered: float
    covered_both: float


def taken_of(world: World, jobs: Iterable[int]) -> Taken:
    """Many jobs of one world, the truth of an arm being its mean over them."""
    outcomes = [play(world, job) for job in jobs]
    truth_A = np.mean([outcome.fresh_A for outcome in outcomes], axis=0)
    if world.equal:
        truth_A[:] = 0.5 if world.kind == "noise" else truth_A.mean()
    margin = margin_of("accuracy" if world.sign > 0 else "mse", truth_A.tolist())
    first_J = np.array([int(np.argmax(world.sign * o.validation_A)) for o in outcomes])
    last_J = np.array(
        [
            overruled_by(o.scored, int(first), margin=margin, sign=world.sign)
            for o, first in zip(outcomes, first_J, strict=True)
        ]
    )
    single = [estimates(outcome.scored) for outcome in outcomes]
    ahead_JA = np.array([world.sign * (found.mean_A - truth_A) for found in single])
    held_JA = np.array([(f.low_A <= truth_A) & (truth_A <= f.high_A) for f in single])
    job_J = np.arange(len(outcomes))
    return Taken(
        jobs=len(outcomes),
        overruled=float(np.mean(first_J != last_J)),
        by_validation=float(ahead_JA[job_J, first_J].mean()),
        by_both=float(ahead_JA[job_J, last_J].mean()),
        covered=float(held_JA[job_J, first_J].mean()),
        covered_both=float(held_JA[job_J, last_J].mean()),
    )


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
