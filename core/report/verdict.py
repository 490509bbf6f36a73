"""One sentence that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.report.choose import sign_of
from core.report.complexity import Complexity, why_simpler
from core.report.records import FINAL
from core.report.report import Arm, Chosen, Direction, Pair, PairVerdict, Score
from core.report.together import Selection
from core.report.words import (
    amount,
    counted,
    differences,
    interval,
    listed,
    metric_words,
    p_words,
    spread_words,
    unit_of_difference,
)

ONE_SPLIT = "over training seeds on one split; set split.resample to cover the split too"


@dataclass(frozen=True)
class Finding:
    """What the sentence is made from.

    compared: the metric that the pairs compare. complexities: of the chosen settings, by arm.
    nothing: what always answering does as well as every arm, where it does.
    one_split: every seed has the same data in its parts. statuses: of the jobs.
    """

    arms: Sequence[Arm]
    pairs: Sequence[Pair]
    selection: Selection
    direction: Direction
    compared: str
    partial: bool
    complexities: Mapping[str, Complexity]
    nothing: str | None
    one_split: bool
    statuses: frozenset[str]


def chosen_of(arm: Arm, rule: str) -> Chosen | None:
    """The setting that the report's rule takes."""
    return arm.chosen.min if rule == "min" else arm.chosen.one_se


def ranked(
    arms: Sequence[Arm], selection: Selection, direction: Direction
) -> list[tuple[Arm, Chosen]]:
    """Arms with a choice, best first by the selection metric; ties in their order."""
    scored = [
        (arm, chosen)
        for arm in arms
        if (chosen := chosen_of(arm, selection.rule)) and selection.metric in chosen.scores
    ]
    sign = sign_of(direction)
    return sorted(scored, key=lambda entry: -sign * entry[1].scores[selection.metric].mean)


def verdict_of(finding: Finding) -> str:
    """Which arm, at which setting, how much better, how sure, and what to do."""
    said = _said(finding)
    if not finding.one_split or "95 % interval" not in said:
        return f"{said}."
    return f"{said[:-1]}; {ONE_SPLIT})." if said.endswith(")") else f"{said} ({ONE_SPLIT})."


def _said(finding: Finding) -> str:
    order = ranked(finding.arms, finding.selection, finding.direction)
    so_far = "So far, " if finding.partial else ""
    if not order:
        what = metric_words(finding.selection.metric)
        return f"Nothing can be said: {_why_nothing(finding)} ({what})"
    best, chosen = order[0]
    lead = _lead(finding, best, chosen, alone=len(finding.arms) == 1)
    rivals = _rivals(order)
    if finding.nothing is not None:
        no_arm = "no arm" if so_far else "No arm"
        lead = f"{no_arm} learned more than always answering {finding.nothing}: {lead}"
    if not rivals:
        return so_far + lead + _alone(finding, best, chosen)
    against = [_against(finding, best, arm, role) for arm, role in rivals]
    if finding.nothing is not None:
        return f"{so_far}{lead}, {'; '.join(against)}"
    rest = "; ".join([*against, *_advice(finding, best)])
    unbeaten = _unbeaten(finding, best)
    if unbeaten is not None and unbeaten is not best:
        nothing = "nothing" if so_far else "Nothing"
        return f"{so_far}{nothing} is shown to beat {unbeaten.name}: {lead}, {rest}"
    return f"{so_far}{lead}: {rest}"


def _why_nothing(finding: Finding) -> str:
    if not finding.statuses <= FINAL:
        return "no run has a score yet"
    if finding.statuses == {"cancelled"}:
        return "it was cancelled before any run had a score"
    if finding.statuses == {"failed"}:
        return "it failed before any run had a score"
    return "no run gave a finite score"


def name_at(arm: Arm, chosen: Chosen) -> str:
    """`l1 at λ = 0.001`; the name alone where it already says everything."""
    label, kind = chosen.label, arm.name.replace("_", " ")
    if len(arm.regularizers) == 1 and (label == kind or label.startswith(f"{kind} ")):
        label = label.removeprefix(kind).strip()  # an arm called l2 is not at l2 λ, but at λ
    return f"{arm.name} at {label}" if label else arm.name


def _lead(finding: Finding, best: Arm, chosen: Chosen, *, alone: bool) -> str:
    score = chosen.scores.get(finding.compared)
    told = f" {_score(finding.compared, score)}" if score else " no test score yet"
    if alone:
        return f"{name_at(best, chosen)} scores{told}"
    by = metric_words(finding.selection.metric)
    if finding.compared == finding.selection.metric:
        return f"{name_at(best, chosen)} has the best {by},{told}"
    return f"{name_at(best, chosen)} has the best {by} and scores{told}"


def _score(metric: str, score: Score) -> str:
    return f"{amount(metric, score.mean)} {metric_words(metric)}"


def _rivals(order: Sequence[tuple[Arm, Chosen]]) -> list[tuple[Arm, str]]:
    """The baseline and the runner-up, named once when they are the same."""
    best, others = order[0][0], [arm for arm, _ in order[1:]]
    baseline = next((arm for arm in others if arm.baseline), None)
    runner_up = others[0] if others else None
    if baseline is not None and baseline is runner_up:
        return [(baseline, "the runner-up ")]
    rivals = [(baseline, "")] if baseline else []
    if runner_up is not None:
        rivals.append((runner_up, "the runner-up "))
    assert best not in [arm for arm, _ in rivals]
    return rivals


def _against(finding: Finding, best: Arm, rival: Arm, role: str) -> str:
    pair, sign = _pair(finding.pairs, best, rival)
    rival_chosen = chosen_of(rival, finding.selection.rule)
    name = role + (name_at(rival, rival_chosen) if rival_chosen else rival.name)
    if pair.difference is None:
        return f"{name} cannot be compared ({(pair.note or 'nothing in common').rstrip('.')})"
    gain = sign * sign_of(finding.direction) * pair.difference
    size = differences(finding.compared, [abs(gain)])[0]
    unit = unit_of_difference(finding.compared, size)
    side = "better" if gain > 0 else "worse"
    if pair.verdict == "equivalent":
        told = f"equivalent to {name}"
    elif gain == 0:
        told = f"level with {name}"
    else:
        told = f"{size}{unit} {side} than {name}"
    return f"{told} ({_sureness(finding, pair, sign)})"


def _sureness(finding: Finding, pair: Pair, sign: int) -> str:
    parts = []
    if pair.ci95 is not None and pair.ci95[0] < pair.ci95[1]:  # no width is no evidence
        ends = sorted(sign * sign_of(finding.direction) * end for end in pair.ci95)
        parts.append(f"95 % interval {interval(finding.compared, (ends[0], ends[1]))}")
    if pair.p_adjusted is not None:
        parts.append(p_words(pair.p_adjusted, "adjusted p"))
    if pair.verdict == "undecided":
        parts.append(_undecided(pair))
    return ", ".join(parts) or "the same score in every replicate"


def _undecided(pair: Pair) -> str:
    if pair.test is None and pair.note:
        return f"undecided: {pair.note[0].lower()}{pair.note[1:].split('. ')[0].rstrip('.')}"
    if pair.seeds_to_decide is not None:
        return f"undecided; about {counted(pair.seeds_to_decide, 'seed')} would decide"
    return "undecided, and more seeds alone would not decide"


def _unbeaten(finding: Finding, best: Arm) -> Arm | None:
    """The baseline, where the best arm by validation is it or is not shown to be better."""
    baseline = next((arm for arm in finding.arms if arm.baseline), None)
    if baseline is None or chosen_of(baseline, finding.selection.rule) is None:
        return None
    beaten = baseline is not best and _standing(finding, best, baseline) == "better"
    return None if beaten else baseline


def _advice(finding: Finding, best: Arm) -> list[str]:
    """What to do: keep the baseline while nothing is shown to beat it, since what is added has
    to earn its place; else whether something known to be simpler would do."""
    unbeaten = _unbeaten(finding, best)
    kept = unbeaten or best
    simpler = _simpler(finding, kept)
    standing = {arm.name: _standing(finding, kept, arm) for arm in simpler}
    equal = [arm for arm in simpler if standing[arm.name] in ("equivalent", "worse")]
    if equal:
        least = next(a for a in equal if not any(b in equal for b in _simpler(finding, a)))
        why = why_simpler(finding.complexities[least.name], finding.complexities[kept.name])
        return [f"{least.name} has {why} and is not worse, so prefer it"]
    if unbeaten is not None:
        undecided = unbeaten is not best and _standing(finding, best, unbeaten) == "undecided"
        return [f"keep {unbeaten.name}{' until that is decided' if undecided else ''}"]
    if open_ := [arm.name for arm in simpler if standing[arm.name] == "undecided"]:
        return [f"whether the simpler {listed(open_[:3])} would do is open"]
    if simpler:
        return ["no simpler arm is as good"]
    others = [arm for arm in finding.arms if arm is not best]
    simplest = all(best in _simpler(finding, arm) for arm in others)
    return [f"{best.name} is also the simplest arm"] if simplest else []


def _simpler(finding: Finding, than: Arm) -> list[Arm]:
    """The scored arms that are known to be simpler."""
    found = finding.complexities
    return [
        arm
        for arm in finding.arms
        if chosen_of(arm, finding.selection.rule)
        and why_simpler(found[arm.name], found[than.name]) is not None
    ]


def _standing(finding: Finding, best: Arm, other: Arm) -> PairVerdict:
    """The verdict on best against other."""
    pair, sign = _pair(finding.pairs, best, other)
    turned: Mapping[PairVerdict, PairVerdict] = {"better": "worse", "worse": "better"}
    return pair.verdict if sign > 0 else turned.get(pair.verdict, pair.verdict)


def _pair(pairs: Sequence[Pair], a: Arm, b: Arm) -> tuple[Pair, int]:
    """The pair of two arms and +1, or -1 where it is stored the other way round."""
    for pair in pairs:
        if {pair.a, pair.b} == {a.name, b.name}:
            return pair, 1 if pair.a == a.name else -1
    raise AssertionError(f"no pair of {a.name} and {b.name}")


def _alone(finding: Finding, best: Arm, chosen: Chosen) -> str:
    score = chosen.scores.get(finding.compared)
    spread = spread_words(finding.compared, score) if score else ""
    if score and score.ci95:
        spread = f"95 % interval {spread}, {counted(score.n, 'replicate')}"
    spread = f" ({spread})" if spread else ""
    simple = best.chosen.one_se
    other = (
        f"; {simple.label} is the simplest setting within one standard error"
        if simple
        and best.chosen.min
        and simple.setting != best.chosen.min.setting
        and simple.setting != chosen.setting
        else ""
    )
    what = (
        "there is no other arm to compare it with"
        if len(finding.arms) == 1
        else ("no other arm has a score")
    )
    return f"{spread}{other}; {what}"
