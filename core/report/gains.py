"""Pairs as people read them: how much the first is better, the baseline second."""

from __future__ import annotations

from dataclasses import dataclass

from core.report.choose import sign_of
from core.report.report import Pair, PairVerdict, Report
from core.report.words import differences, interval

TURNED: dict[PairVerdict, PairVerdict] = {"better": "worse", "worse": "better"}


@dataclass(frozen=True)
class Gain:
    """What a gains over b in the compared metric: positive is better, whichever way it runs.

    low, high: ends of its interval; both the gain itself where there is none. verdict is a's.
    """

    a: str
    b: str
    gain: float
    low: float
    high: float
    verdict: PairVerdict
    pair: Pair

    def words(self, metric: str) -> str:
        """`+0.71`."""
        told = differences(metric, [self.gain])[0]
        return f"+{told}" if self.gain > 0 and told.strip("0.") else told

    def interval_words(self, metric: str) -> str | None:
        """`−0.1 to 1.5`; None where there is no interval."""
        return interval(metric, (self.low, self.high)) if self.pair.ci95 else None


def gains_of(report: Report) -> list[Gain]:
    """Each pair of arms once, in the report's order; pairs that could not be compared left out."""
    found: dict[frozenset[str], Gain] = {}
    for pair in report.pairs:
        both = frozenset((pair.a, pair.b))
        if pair.difference is not None and both not in found:
            found[both] = _gain(report, pair, pair.difference)
    return list(found.values())


def gain_over(report: Report, arm: str, rival: str) -> Gain | None:
    """What one arm gains over another, where the report has that pair."""
    for gain in gains_of(report):
        if (gain.a, gain.b) == (arm, rival):
            return gain
        if (gain.b, gain.a) == (arm, rival):
            return _turned(gain)
    return None


def reference_of(report: Report) -> str | None:
    """The arm that the others are set beside: the baseline, else the best; None of one alone."""
    if len(report.arms) < 2:
        return None
    return next((arm.name for arm in report.arms if arm.baseline), report.best_arm)


def _gain(report: Report, pair: Pair, difference: float) -> Gain:
    sign = sign_of(report.direction)
    low, high = sorted(sign * end for end in pair.ci95 or (difference, difference))
    gain = Gain(pair.a, pair.b, sign * difference, low, high, pair.verdict, pair)
    baseline = next((arm.name for arm in report.arms if arm.baseline), None)
    return _turned(gain) if pair.a == baseline else gain


def _turned(gain: Gain) -> Gain:
    verdict = TURNED.get(gain.verdict, gain.verdict)
    return Gain(gain.b, gain.a, -gain.gain, -gain.high, -gain.low, verdict, gain.pair)
