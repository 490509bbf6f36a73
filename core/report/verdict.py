"""What was found, in words that a person can act on: a headline, and 60 words more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.report.arm_words import label_of, short
from core.report.finding import Finding, chosen_of
from core.report.headline import headline_of, so_far, why_nothing
from core.report.outcome import outcome_of, simpler_than
from core.report.pairs import gain_of, gain_words, interval_words
from core.report.report import Arm, Outcome, Pair
from core.report.words import base_of, counted, is_share, listed

REST_WORDS = 60
ACTION_WORDS = 14  # no action takes more
FAVOURED = "validation rows, used for choosing, favour it"
NOTHING_YET = "Proven: nothing yet."


@dataclass(frozen=True)
class Verdict:
    """The parts of the verdict but for the action."""

    outcome: Outcome
    headline: str
    best_bet: str | None
    proven: str


def verdict_of(finding: Finding) -> Verdict:
    """What was found; without a score or beyond chance, that."""
    best = finding.best
    outcome = outcome_of(finding)
    if best is None:
        return Verdict(outcome, why_nothing(finding), None, NOTHING_YET)
    if finding.nothing is not None:
        subject = "No arm is" if len(finding.scored) > 1 else "It is not"
        headline = so_far(finding, f"{subject} shown to beat a constant answer.")
        return Verdict(
            outcome, headline, None, f"Nothing beats always answering {finding.nothing}."
        )
    headline = headline_of(finding, best, outcome)
    best_bet = _best_bet(finding, best, outcome)
    room = REST_WORDS - ACTION_WORDS - len(best_bet.split())
    return Verdict(outcome, headline, best_bet, _proven(finding, best, outcome, room=room))


def _best_bet(finding: Finding, best: Arm, outcome: Outcome) -> str:
    chosen = chosen_of(best, finding.selection.rule)
    label = label_of(best, chosen) if chosen else ""
    at = f" ({label})" if label and len(label.split()) <= 7 else ""
    use = f"Use {short(best.name)}{at}"
    if outcome == "single":
        total = sum(found.count for found in best.chosen_counts)
        if len(best.settings) > 1 and total > 1 and chosen:
            same = next((f.count for f in best.chosen_counts if f.setting == chosen.setting), 0)
            return f"{use}, chosen in {same} of {counted(total, 'fold')}."
        return f"{use}."
    rival = finding.rivals[0]
    pair = finding.pair(best, rival)
    if pair is None or pair.difference is None:
        return f"{use}."
    dearer = not best.baseline and (rival.baseline or rival in simpler_than(finding, best))
    proven = finding.standing(best, rival) == "better"
    nil = " if its cost is nil" if dearer and not proven else ""
    return f"{use}{nil}: {_margin_words(finding, pair)}."


def _margin_words(finding: Finding, pair: Pair) -> str:
    """`+0.7 points over none, 95 % simultaneous interval −0.4 to 1.8 on 1,797 rows`."""
    metric, rival = finding.compared, short(pair.b)
    alone = len(finding.arms) == 2
    ends = interval_words(pair, metric, finding.direction, alone=alone)
    if ends.startswith("the same"):
        return ends.replace("the same", f"the same as {rival}")
    on = f" on {counted(pair.n, 'row')}" if finding.tested and ends else ""
    sure = f", {ends}{on}" if ends else ""
    told = gain_words(pair, metric, finding.direction)
    if told == "level":
        return f"{FAVOURED}; level with {rival} on test rows{sure}"
    size = told.rsplit(" ", 1)[0]
    if gain_of(pair, finding.direction) < 0:
        return f"{FAVOURED}, though {size} behind {rival} on test rows{sure}"
    if is_share(metric):
        return f"+{size} over {rival}{sure}"
    side = "higher" if finding.direction == "max" else "lower"
    return f"{base_of(metric).replace('_', ' ')} {side} by {size} than with {rival}{sure}"


def _proven(finding: Finding, best: Arm, outcome: Outcome, *, room: int) -> str:
    """What the pairs show, as much of it as there is room for; the details have all."""
    if outcome == "single":
        return "No other arm to prove it against."
    baseline = finding.baseline
    told = []
    if baseline is not None:
        told += _told(finding, [a for a in finding.scored if a is not baseline], baseline)
    rest = [arm for arm in finding.rivals if arm is not baseline]
    if best is not baseline:
        beaten = [a for a in rest if finding.standing(best, a) == "better"]
        equal = [a for a in rest if finding.standing(best, a) == "equivalent"]
        told += [f"{short(best.name)} beats {_few(beaten)}"] if beaten else []
        told += [f"{short(best.name)} is equivalent to {_few(equal)}"] if equal else []
    while told and len(" ".join(told).split()) >= room:
        told.pop()
    return f"Proven: {'; '.join(told)}." if told else NOTHING_YET


def _told(finding: Finding, arms: Sequence[Arm], baseline: Arm) -> list[str]:
    words = {"better": "better than", "worse": "worse than", "equivalent": "equivalent to"}
    found = {
        verdict: [arm for arm in arms if finding.standing(arm, baseline) == verdict]
        for verdict in words
    }
    return [
        f"{_few(members)} {'is' if len(members) == 1 else 'are'} {words[verdict]} "
        f"{short(baseline.name)}"
        for verdict, members in found.items()
        if members
    ]


def _few(arms: Sequence[Arm]) -> str:
    names = [short(arm.name) for arm in arms]
    return listed(names) if len(names) <= 2 else f"{names[0]} and {len(names) - 1} others"
