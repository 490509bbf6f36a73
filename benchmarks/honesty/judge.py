"""What would be said of a job, and whether it is so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest, t

from core.report.report import Report
from core.report.statistics import Array, Scored, contrasts, estimates

MARGIN = 0.005  # half a point of accuracy; of other metrics a hundredth of their size
SURE = 0.95


@dataclass(frozen=True)
class Judged:
    """One job: whether any claim is false, and what share of intervals holds the truth.

    false: an arm called better that is no better, worse that is no worse, or equivalent that lies
    twice the margin away. pairs: intervals of each pair alone. found: the first and the last arm
    were told apart.
    """

    false: bool
    pairs: float
    singles: float
    found: bool


@dataclass(frozen=True)
class Tally:
    """Shares over many jobs; limit: the upper end of the 95 % interval of false claims."""

    jobs: int
    false: float
    limit: float
    pairs: float
    singles: float
    found: float


@dataclass(frozen=True)
class Claim:
    """What is said of a pair, how far a is ahead in truth (larger is better), and whether the
    pair's own interval holds that."""

    verdict: str
    ahead: float
    held: bool
    ends: bool  # of the first and the last arm

    def false(self, margin: float) -> bool:
        if self.verdict == "equivalent":
            return abs(self.ahead) > 2 * margin
        ahead = round(self.ahead, 9)
        return (self.verdict == "better" and ahead <= 0) or (self.verdict == "worse" and ahead >= 0)


def judge_scored(scored: Scored, truth_A: Array, *, sign: int, margin: float = MARGIN) -> Judged:
    """Of scores by row, compared as a report does: with the first, and the best with the rest."""
    pairs = _pairs(scored, sign)
    found = contrasts(scored, pairs, margin=margin, sign=sign)
    last = len(truth_A) - 1
    claims = [
        Claim(
            verdict,
            sign * (truth_A[a] - truth_A[b]),
            _held(difference, error, degrees, truth_A[a] - truth_A[b]),
            {a, b} == {0, last},
        )
        for (a, b), verdict, difference, error, degrees in zip(
            pairs,
            found.verdict_C,
            found.difference_C.tolist(),
            found.se_C.tolist(),
            found.df_C.tolist(),
            strict=True,
        )
    ]
    single = estimates(scored)
    held_A = (single.low_A <= truth_A) & (truth_A <= single.high_A)
    return _judged(claims, held_A.tolist(), margin)


def judge_report(
    report: Report, truth: Mapping[str, float], *, metric: str, sign: int, margin: float
) -> Judged:
    """Of a report; truth: of each arm by its name."""
    names = [arm.name for arm in report.arms]
    claims = []
    for pair in report.pairs:
        true = truth[pair.a] - truth[pair.b]
        known = pair.difference is not None and pair.error is not None
        held = known and _held(pair.difference, pair.error, pair.degrees, true)
        ends = {pair.a, pair.b} == {names[0], names[-1]}
        claims.append(Claim(pair.verdict, sign * true, bool(held), ends))
    intervals = [(truth[arm.name], arm.scores[f"test_{metric}"].ci95) for arm in report.arms]
    singles = [ends is not None and ends[0] <= true <= ends[1] for true, ends in intervals]
    return _judged(claims, singles, margin)


def tally(judged: Iterable[Judged]) -> Tally:
    """Shares, with Clopper and Pearson's limit."""
    jobs = list(judged)
    false = sum(job.false for job in jobs)
    return Tally(
        jobs=len(jobs),
        false=false / len(jobs),
        limit=float(binomtest(false, len(jobs)).proportion_ci().high),
        pairs=float(np.mean([job.pairs for job in jobs])),
        singles=float(np.mean([job.singles for job in jobs])),
        found=float(np.mean([job.found for job in jobs])),
    )


def margin_of(metric: str, truth: Iterable[float]) -> float:
    """The practical margin that a report would take."""
    return MARGIN if metric == "accuracy" else 0.01 * float(np.mean(list(truth)))


def _judged(claims: Sequence[Claim], singles: Sequence[bool], margin: float) -> Judged:
    return Judged(
        false=any(claim.false(margin) for claim in claims),
        pairs=float(np.mean([claim.held for claim in claims])),
        singles=float(np.mean(singles)),
        found=any(claim.ends and claim.verdict in ("better", "worse") for claim in claims),
    )


def _held(
    difference: float | None, error: float | None, degrees: float | None, truth: float
) -> bool:
    """Whether the pair's own interval holds the truth. Where no row tells two arms apart there is
    none, and the claim is that they are equivalent."""
    if difference is None or not error or not degrees:
        return error == 0
    reach = float(t.ppf((1 + SURE) / 2, degrees)) * error
    return abs(difference - truth) <= reach


def _pairs(scored: Scored, sign: int) -> list[tuple[int, int]]:
    arms = len(scored.score_APN)
    mean_A = np.nan_to_num(sign * estimates(scored).mean_A, nan=-np.inf)
    best = int(np.argmax(mean_A))
    named = [(a, 0) for a in range(1, arms)] + [(best, a) for a in range(1, arms) if a != best]
    return list(dict.fromkeys(named))
