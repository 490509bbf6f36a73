"""The next step, and its price by what the job has taken so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.report.arm_words import short
from core.report.finding import Finding, chosen_of
from core.report.outcome import kept_arm, outcome_of
from core.report.records import FINAL
from core.report.report import Action, Arm, Pair
from core.report.words import counted, knob_words, seconds_words

TELLING = 3  # repeats of five folds tell training's part from none, where it is as large as rows'
PENALTY = {"kind": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 8}}


@dataclass(frozen=True)
class Cost:
    """Seconds that a repeat of everything took, and that one setting took in all its runs."""

    repeat_s: float | None
    setting_s: float | None

    @classmethod
    def of(cls, seconds: Sequence[float | None], *, repeats: int, settings: int) -> Cost:
        """From the seconds of all runs, each its part of what its cohort took."""
        known = [value for value in seconds if value is not None]
        if not known:
            return cls(None, None)
        return cls(sum(known) / max(repeats, 1), sum(known) / max(settings, 1))


def action_of(
    finding: Finding, cost: Cost, *, unfinished: int, one_part: bool, repeats: int
) -> Action:
    """What to do now. one_part: one held-out part tests, instead of folds. repeats: there are."""
    if finding.partial:
        if finding.statuses <= FINAL:
            return Action(kind="run_again", sentence=f"Run it again: {_left(unfinished)}.")
        return Action(kind="wait", sentence=f"Wait: {_left(unfinished)}.")
    if finding.best is None or finding.nothing is not None:
        return Action(
            kind="change_training",
            sentence="Try other learning rates, weaker penalties or more epochs.",
        )
    outcome = outcome_of(finding)
    if widened := _widened(finding, finding.best):
        return widened
    lost = [arm for arm in finding.arms if arm not in finding.scored]
    if outcome == "single" and lost:
        return Action(
            kind="change_training",
            sentence=f"Train {short(lost[0].name)} otherwise: none of its runs has a score.",
        )
    if outcome == "single":
        return _add_arm(finding.best, cost)
    if outcome == "undecided":
        return _decide(finding, cost, one_part=one_part, repeats=repeats)
    kept, why = kept_arm(finding)
    same = " and is not worse" if why else ""
    because = f": it has {why}{same}" if why else ""
    return Action(kind="ship", sentence=f"Ship {short(kept.name)}{because}.")


def _left(unfinished: int) -> str:
    verb = "has" if unfinished == 1 else "have"
    return f"{counted(unfinished, 'run')} {verb} not finished"


def _widened(finding: Finding, best: Arm) -> Action | None:
    """Where the best arm's own choice lies at the end of what was tried."""
    chosen = chosen_of(best, finding.selection.rule)
    if chosen is None or chosen.at_edge is None or chosen.edge_of is None:
        return None
    plain = any(not arm.regularizers for arm in finding.scored)
    if plain and chosen.at_edge == "low" and "/regularizers/" in chosen.edge_of:
        return None  # towards no regularization at all, which another arm has
    name = knob_words(chosen.edge_of.rsplit("/", 1)[-1])
    value = chosen.setting[chosen.edge_of]
    side = "above" if chosen.at_edge == "high" else "below"
    return Action(
        kind="widen_range",
        sentence=f"Try {name} {side} {value:g}: the best may lie there.",
    )


def _add_arm(best: Arm, cost: Cost) -> Action:
    body: Mapping[str, Any]  # Any: JSON of a request
    if best.regularizers:
        body, sentence = {"name": "none", "regularizers": []}, "Add an arm without regularizers"
        price = cost.setting_s
    else:
        body, sentence = {"name": "l2", "regularizers": [PENALTY]}, "Add an arm with a penalty"
        price = None if cost.setting_s is None else 8 * cost.setting_s
    return Action(
        kind="add_arm",
        sentence=f"{sentence} to compare it with{_priced(price)}.",
        body={"compare": [body]},
        seconds=price,
    )


def _decide(finding: Finding, cost: Cost, *, one_part: bool, repeats: int) -> Action:
    pair = _open_pair(finding)
    if one_part and (pair is None or pair.needed is None):
        return Action(
            kind="run_again", sentence="Run it again with folds: they test every row, not a part."
        )
    if pair is not None and pair.unsteady:
        return _steadied(cost, repeats)
    if pair is None or pair.needed is None:
        return Action(kind="ship", sentence="Choose by cost: nothing within reach would decide.")
    count = pair.needed.count
    if pair.needed.kind == "rows":
        return Action(
            kind="collect_rows",
            sentence=f"About {counted(count, 'more row')} would decide; repeats would not.",
        )
    price = None if cost.repeat_s is None else count * cost.repeat_s
    return Action(
        kind="add_repeats",
        sentence=f"About {counted(count, 'more repeat')} would decide{_priced(price)}.",
        body={"repeats": count},
        seconds=price,
    )


def _steadied(cost: Cost, repeats: int) -> Action:
    """Where folds tell too little of training: more of them, until that is no longer why."""
    missing = TELLING - repeats
    if missing <= 0:
        return Action(
            kind="change_training",
            sentence="Make training steadier: folds disagree too much to say what would decide.",
        )
    price = None if cost.repeat_s is None else missing * cost.repeat_s
    return Action(
        kind="add_repeats",
        sentence=f"Add {counted(missing, 'repeat')}: they tell how steady training is"
        f"{_priced(price)}.",
        body={"repeats": missing},
        seconds=price,
    )


def _open_pair(finding: Finding) -> Pair | None:
    """The undecided pair of the best and the baseline, else of the best that needs the least."""
    best = finding.best
    assert best is not None, "no best arm"
    pairs = [
        pair
        for rival in finding.rivals
        if (pair := finding.pair(best, rival)) and pair.verdict == "undecided"
    ]
    if not pairs:  # the best is decided; what is open is another arm against the baseline
        pairs = [pair for pair in finding.pairs if pair.verdict == "undecided"]
    if not pairs:
        return None
    baseline = finding.baseline
    if baseline is not None and pairs[0].b == baseline.name:
        return pairs[0]
    order = {"repeats": 0, "rows": 1}
    return min(pairs, key=lambda p: (order[p.needed.kind], p.needed.count) if p.needed else (2, 0))


def _priced(seconds: float | None) -> str:
    return "" if seconds is None else f" ({seconds_words(seconds)})"
