"""What was found, in words that a person can act on: at most 12, and 60 more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.report.choose import sign_of
from core.report.complexity import Complexity, why_simpler
from core.report.pairs import gain_of, gain_words, interval_words
from core.report.records import FINAL
from core.report.report import Arm, Chosen, Direction, Outcome, Pair, PairVerdict, Score
from core.report.together import Selection
from core.report.words import (
    amount,
    base_of,
    counted,
    differences,
    is_share,
    listed,
    metric_words,
    unit_of_difference,
)

HEADLINE_WORDS = 12
REST_WORDS = 60
ACTION_WORDS = 14  # no action takes more
NAME_WORDS = 3  # of an arm's name, where it is told in a sentence of few words
FAVOURED = "validation rows, used for choosing, favour it"
NOTHING_YET = "Proven: nothing yet."


@dataclass(frozen=True)
class Finding:
    """What the words are made from.

    best: the arm to take; validated: the winner on validation, where that is another one.
    compared: the metric that the pairs compare; margin: up to it differences do not matter.
    complexities: of the chosen settings, by arm. nothing: what always answering does as well as
    every arm, where it does. tested: rows with a test score. statuses: of the jobs.
    """

    arms: Sequence[Arm]
    pairs: Sequence[Pair]
    best: Arm | None
    validated: Arm | None
    selection: Selection
    direction: Direction
    compared: str
    margin: float
    partial: bool
    complexities: Mapping[str, Complexity]
    nothing: str | None
    tested: int | None
    statuses: frozenset[str]

    @property
    def baseline(self) -> Arm | None:
        """The declared baseline, where it has a score."""
        return next((a for a in self.scored if a.baseline), None)

    @property
    def scored(self) -> list[Arm]:
        """Arms with a choice, best first."""
        return [arm for arm, _ in ranked(self.arms, self.selection, self.direction)]

    @property
    def rivals(self) -> list[Arm]:
        """The arms that the best is measured against: the baseline, then the others by rank."""
        others = [arm for arm in self.scored if arm is not self.best]
        return sorted(others, key=lambda arm: not arm.baseline)

    def standing(self, a: Arm, b: Arm) -> PairVerdict:
        """The verdict on a against b; undecided where the report has no such pair."""
        turned: Mapping[PairVerdict, PairVerdict] = {"better": "worse", "worse": "better"}
        for pair in self.pairs:
            if (pair.a, pair.b) == (a.name, b.name):
                return pair.verdict
            if (pair.b, pair.a) == (a.name, b.name):
                return turned.get(pair.verdict, pair.verdict)
        return "undecided"

    def pair(self, a: Arm, b: Arm) -> Pair | None:
        """The pair with a's difference to b, whichever way it is stored."""
        for pair in self.pairs:
            if (pair.a, pair.b) == (a.name, b.name):
                return pair
            if (pair.b, pair.a) == (a.name, b.name):
                return _turned(pair)
        return None


@dataclass(frozen=True)
class Verdict:
    """The parts of the verdict but for the action."""

    outcome: Outcome
    headline: str
    best_bet: str | None
    proven: str


def chosen_of(arm: Arm, rule: str) -> Chosen | None:
    """The setting that the report's rule takes."""
    return arm.chosen.min if rule == "min" else arm.chosen.one_se


def ranked(
    arms: Sequence[Arm], selection: Selection, direction: Direction
) -> list[tuple[Arm, Chosen]]:
    """Arms with a choice, best first by the selection metric of their procedure.

    Level arms: the baseline first, then by name, so that their order in the job changes nothing.
    """
    scored = [
        (arm, chosen)
        for arm in arms
        if (chosen := chosen_of(arm, selection.rule)) and _selected(arm, chosen, selection)
    ]
    sign = sign_of(direction)

    def place(entry: tuple[Arm, Chosen]) -> tuple[float, bool, str]:
        score = _selected(*entry, selection)
        assert score is not None, f"{entry[0].name} has no {selection.metric}"
        return -sign * float(f"{score.mean:.6g}"), not entry[0].baseline, entry[0].name

    return sorted(scored, key=place)


def _selected(arm: Arm, chosen: Chosen, selection: Selection) -> Score | None:
    return arm.scores.get(selection.metric) or chosen.scores.get(selection.metric)


def name_at(arm: Arm, chosen: Chosen) -> str:
    """`l1 at λ = 0.001`; the name alone where it already says everything."""
    label = label_of(arm, chosen)
    return f"{arm.name} at {label}" if label else arm.name


def label_of(arm: Arm, chosen: Chosen) -> str:
    """The setting without what the arm's name says: an arm called l2 is not at l2 λ, but at λ."""
    label, kind = chosen.label, arm.name.replace("_", " ")
    if len(arm.regularizers) == 1 and (label == kind or label.startswith(f"{kind} ")):
        return label.removeprefix(kind).strip()
    return label


def short(name: str) -> str:
    """An arm's name, cut to its first words where it is a sentence."""
    words = name.split()
    return name if len(words) <= NAME_WORDS else f"{' '.join(words[:NAME_WORDS])}…"


def verdict_of(finding: Finding) -> Verdict:
    """What was found; without a score or beyond chance, that."""
    best = finding.best
    outcome = outcome_of(finding)
    if best is None:
        return Verdict(outcome, _why_nothing(finding), None, NOTHING_YET)
    if finding.nothing is not None:
        subject = "No arm is" if len(finding.scored) > 1 else "It is not"
        headline = _so_far(finding, f"{subject} shown to beat a constant answer.")
        return Verdict(
            outcome, headline, None, f"Nothing beats always answering {finding.nothing}."
        )
    headline = _single(finding, best) if outcome == "single" else _headline(finding, best, outcome)
    best_bet = _best_bet(finding, best, outcome)
    room = REST_WORDS - ACTION_WORDS - len(best_bet.split())
    return Verdict(outcome, headline, best_bet, _proven(finding, best, outcome, room=room))


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


def _turned(pair: Pair) -> Pair:
    turned: Mapping[PairVerdict, PairVerdict] = {"better": "worse", "worse": "better"}
    difference = None if pair.difference is None else -pair.difference
    ends = None if pair.ci95 is None else (-pair.ci95[1], -pair.ci95[0])
    changed = {
        "a": pair.b,
        "b": pair.a,
        "difference": difference,
        "ci95": ends,
        "verdict": turned.get(pair.verdict, pair.verdict),
        "rows": None if pair.rows is None else -pair.rows,
    }
    return pair.model_copy(update=changed)


def _why_nothing(finding: Finding) -> str:
    if not finding.statuses <= FINAL:
        return "No run has a score yet."
    if finding.statuses == {"cancelled"}:
        return "It was cancelled before any run had a score."
    if finding.statuses == {"failed"}:
        return "It failed before any run had a score."
    return "No run gave a finite score."


def _so_far(finding: Finding, sentence: str) -> str:
    """Said of what may change; the first letter stays where it is a name's."""
    if not finding.partial:
        return sentence
    starts = ("No ", "It ", "Nothing ", "All ")
    lower = sentence.startswith(starts)
    return f"So far, {sentence[0].lower() + sentence[1:] if lower else sentence}"


def _first_that_fits(finding: Finding, *sentences: str) -> str:
    """The first of few enough words, else the last, cut."""
    for sentence in sentences:
        told = _so_far(finding, sentence)
        if len(told.split()) <= HEADLINE_WORDS:
            return told
    return " ".join(told.split()[: HEADLINE_WORDS - 1]) + " …"


def _single(finding: Finding, best: Arm) -> str:
    score = best.scores.get(finding.compared)
    if score is None:
        return _first_that_fits(finding, f"{short(best.name)} has no test score yet.")
    what = metric_words(finding.compared)
    told = f"{amount(finding.compared, score.mean)} {what}"
    ends = f" ({_ends(finding.compared, score.ci95)})" if score.ci95 else ""
    chosen = chosen_of(best, finding.selection.rule)
    at = f" at {label}" if chosen and (label := chosen.label) else ""
    return _first_that_fits(finding, f"{told}{ends}{at}.", f"{told}{ends}.", f"{told}.")


def _ends(metric: str, ends: tuple[float, float]) -> str:
    low, high = (amount(metric, end).removesuffix(" %") for end in ends)
    return f"{low} to {high}"


def _headline(finding: Finding, best: Arm, outcome: Outcome) -> str:
    if outcome == "better":
        return _better_headline(finding, best)
    if outcome == "nothing_beats_baseline":
        return _unbeaten_headline(finding)
    if outcome == "equivalent":
        return _equivalent_headline(finding, best)
    best_name = short(best.name)
    pair = finding.pair(best, finding.rivals[0])
    if pair is not None and _leads_on_validation_only(finding, pair):
        return _first_that_fits(
            finding, f"Test rows do not confirm that {best_name} is best.", "Nothing is proven."
        )
    open_ = [short(a.name) for a in finding.rivals if finding.standing(best, a) == "undecided"]
    decided = len(open_) < len(finding.rivals)
    against = f" against {listed(open_)}" if decided and open_ else ""
    return _first_that_fits(
        finding,
        f"{best_name} looks best; not proven{against}.",
        f"{best_name} looks best; not proven.",
    )


def _leads_on_validation_only(finding: Finding, pair: Pair) -> bool:
    behind = gain_of(pair, finding.direction) <= 0
    return behind or gain_words(pair, finding.compared, finding.direction) == "level"


def _better_headline(finding: Finding, best: Arm) -> str:
    name, baseline = short(best.name), finding.baseline
    if baseline is None:
        rivals = finding.rivals
        pair = finding.pair(best, rivals[0])
        by = _size(finding, pair)
        if len(rivals) == 1:
            return _first_that_fits(
                finding, f"{name} beats {short(rivals[0].name)}{by}.", f"{name} is better."
            )
        return _first_that_fits(
            finding,
            f"{name} beats all others, {short(rivals[0].name)}{by}.",
            f"{name} beats all {len(rivals)} other arms.",
        )
    if baseline is best or finding.standing(best, baseline) != "better":
        beaters = [a for a in finding.scored if finding.standing(a, baseline) == "better"]
        names = listed([short(arm.name) for arm in beaters])
        verb = "beats" if len(beaters) == 1 else "beat"
        return _first_that_fits(
            finding,
            f"{names} {verb} {short(baseline.name)}; {name} looks best.",
            f"{counted(len(beaters), 'arm')} {verb} {short(baseline.name)}.",
        )
    by = _size(finding, finding.pair(best, baseline))
    others = [arm for arm in finding.rivals if arm is not baseline]
    standings = {finding.standing(best, arm) for arm in others}
    rest = ""
    if others and standings == {"better"}:
        rest = ", and every other arm" if len(others) > 1 else f", and {short(others[0].name)}"
    elif "undecided" in standings:
        rest = "; whether it is best is open"
    elif others:
        rest = f"; so does {short(others[0].name)}" if len(others) == 1 else "; it is not alone"
    beats = f"{name} beats {short(baseline.name)}{by}"
    return _first_that_fits(finding, f"{beats}{rest}.", f"{beats}.", f"{name} beats the baseline.")


def _size(finding: Finding, pair: Pair | None) -> str:
    if pair is None or pair.difference is None:
        return ""
    size = differences(finding.compared, [abs(pair.difference)])[0]
    return f" by {size}{unit_of_difference(finding.compared, size)}"


def _unbeaten_headline(finding: Finding) -> str:
    baseline = finding.baseline
    assert baseline is not None, "no baseline to beat"
    name = short(baseline.name)
    others = [arm for arm in finding.scored if arm is not baseline]
    equal = [a for a in others if finding.standing(a, baseline) == "equivalent"]
    if not equal:
        rest = "the other arm is worse" if len(others) == 1 else "every other arm is worse"
    elif len(equal) == 1:
        rest = f"{short(equal[0].name)} is equivalent"
    else:
        rest = f"{len(equal)} arms are equivalent"
    return _first_that_fits(
        finding, f"Nothing beats {name}; {rest}.", f"Nothing beats {name}.", "Nothing beats it."
    )


def _equivalent_headline(finding: Finding, best: Arm) -> str:
    equal = [a for a in finding.rivals if finding.standing(best, a) == "equivalent"]
    size = differences(finding.compared, [finding.margin])[0]
    within = f"equivalent within {size}{unit_of_difference(finding.compared, size)}"
    if len(equal) == len(finding.rivals) > 1:
        return _first_that_fits(finding, f"All {len(equal) + 1} arms are {within}.")
    names = listed([short(best.name), *(short(arm.name) for arm in equal)])
    return _first_that_fits(
        finding, f"{names} are {within}.", f"{len(equal) + 1} arms are {within}."
    )


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
