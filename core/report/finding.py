"""What was found, which all words of a report are made from; and how arms rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.report.choose import sign_of
from core.report.complexity import Complexity
from core.report.report import Arm, Chosen, Direction, Pair, PairVerdict, Score
from core.report.together import Selection


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
