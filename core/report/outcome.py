"""How a comparison ended, and which arm is then kept."""

from __future__ import annotations

from core.report.complexity import why_simpler
from core.report.finding import Finding
from core.report.report import Arm, Outcome


def outcome_of(finding: Finding) -> Outcome:
    """The whole comparison in one word."""
    best, rivals, baseline = finding.best, finding.rivals, finding.baseline
    if best is None:
        return "single" if len(finding.arms) == 1 else "undecided"
    if not rivals:
        return "single"
    if baseline is not None:
        others = [arm for arm in finding.scored if arm is not baseline]
        standings = [finding.standing(arm, baseline) for arm in others]
        if "better" in standings:
            return "better"
        return "undecided" if "undecided" in standings else "nothing_beats_baseline"
    standings = [finding.standing(best, rival) for rival in rivals]
    if "undecided" in standings:
        return "undecided"
    return "equivalent" if "equivalent" in standings else "better"


def kept_arm(finding: Finding) -> tuple[Arm, str | None]:
    """The arm to ship, and why that one: the simplest of those as good as the best."""
    best = finding.best
    assert best is not None, "nothing to ship"
    start = best
    if outcome_of(finding) == "nothing_beats_baseline" and finding.baseline is not None:
        start = finding.baseline
    equal = [
        arm
        for arm in finding.scored
        if arm is not start
        and finding.standing(start, arm) in ("equivalent", "worse")
        and why_simpler(finding.complexities[arm.name], finding.complexities[start.name])
    ]
    if not equal:
        return start, None
    least = next(a for a in equal if not any(_simpler(finding, b, a) for b in equal))
    return least, why_simpler(finding.complexities[least.name], finding.complexities[start.name])


def simpler_than(finding: Finding, arm: Arm) -> list[Arm]:
    """The scored arms that are known to be simpler."""
    return [other for other in finding.scored if _simpler(finding, other, arm)]


def _simpler(finding: Finding, a: Arm, b: Arm) -> bool:
    return why_simpler(finding.complexities[a.name], finding.complexities[b.name]) is not None
