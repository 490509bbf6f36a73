"""Which setting of an arm is taken, by a stated rule, on the selection metric alone.

Both rules let only the settings with the most scored replicates of their arm compete: one that
diverged for some seed may not win by the seeds it survived.

min: the best mean. Ties go to the simpler setting.
1se: the simplest setting whose mean is within one standard error (of the best's mean) of the best
(Breiman et al. 1984, Classification and Regression Trees, 3.4.3). The error is that of other rows
(see `layout`); where there is none, it takes what min takes.

Simplicity of a setting: for every varied knob that declares a simpler direction, the rank of its
value among the arm's values, scaled to 0 … 1 with 1 the simplest; these are summed, so that each
knob weighs the same. Ties go to the better mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Literal

import numpy as np

from core.report.layout import Layout, Whole, error_over
from core.report.measure import direction_of
from core.report.report import Direction, Edge, Rule
from core.report.statistics import Array, moments
from core.report.table import Key
from core.report.words import knob_words, number
from core.term import Knob

Simpler = Literal["high", "low"]
FLOAT32 = 4 * float(np.finfo(np.float32).eps)  # scores come in float32: less apart is rounding


def sign_of(direction: Direction) -> int:
    """+1 where larger is better, so that sign · score always grows with quality."""
    return 1 if direction == "max" else -1


@dataclass(frozen=True)
class Picked:
    """Row of each rule's setting, within the arm."""

    best: int
    simplest: int

    def row(self, rule: Rule) -> int:
        """The row that the rule takes."""
        return self.best if rule == "min" else self.simplest


@dataclass(frozen=True)
class Order:
    """Which settings of an arm are simpler: larger simplicity_S; known: whether any knob tells."""

    simplicity_S: Array
    known: bool


def order_of(settings: Sequence[Key], knobs: Mapping[str, Knob]) -> Order:
    """The order of an arm's settings, by what their varied knobs declare."""
    known = any(_direction(knobs, pointer) for pointer, _ in settings[0])
    return Order(simplicity_of(settings, knobs), known)


def choose(
    n_S: Whole, mean_S: Array, error_S: Array, *, direction: Direction, order: Order
) -> Picked | None:
    """Rows taken by `min` and `1se` from one arm's settings; None where nothing is scored.

    n_S: scored replicates. error_S: standard error of the mean; NaN for none.
    """
    if not len(n_S) or not n_S.max():
        return None
    quality = np.where(n_S == n_S.max(), sign_of(direction) * mean_S, -np.inf)
    alike = FLOAT32 * np.abs(mean_S[np.isfinite(mean_S)]).max()
    best = _first_by(quality, order.simplicity_S, alike=alike)
    error = float(error_S[best]) if isfinite(error_S[best]) else 0.0
    within = quality >= quality[best] - error - alike
    simplest = _first_by(np.where(within, order.simplicity_S, -np.inf), quality)
    return Picked(best, simplest if order.known else best)


def choose_inside(
    scores_SR: Array,
    layout: Layout,
    metric: str,
    order: Order,
    *,
    validation_rows: int | None,
) -> tuple[Picked | None, ...]:
    """What is taken in each part of the layout, from the scores of that part alone.

    A part's test rows are scored by the settings taken there, and no choice has seen them.
    validation_rows: of one validation part, where a score counts rows that are right; else None.
    """
    found = []
    for part in range(len(layout.parts)):
        columns = layout.of_part(part)
        here_SR = scores_SR[:, columns]
        n, mean, _ = moments(here_SR)
        error, _ = error_over(here_SR, layout.within(columns), metric, rows=validation_rows)
        found.append(choose(n, mean, error, direction=direction_of(metric), order=order))
    return tuple(found)


def simplicity_of(settings: Sequence[Key], knobs: Mapping[str, Knob]) -> Array:
    """(S,) larger is simpler; zeros where no varied knob says which way is simpler."""
    total = np.zeros(len(settings))
    for pointer, _ in settings[0]:
        simpler = _direction(knobs, pointer)
        if simpler:
            distinct, rank = np.unique(_column(settings, pointer), return_inverse=True)
            share = rank / max(len(distinct) - 1, 1)
            total += share if simpler == "high" else 1 - share
    return total


def edge_of(
    row: int, settings: Sequence[Key], knobs: Mapping[str, Knob], *, scored: int | None = None
) -> tuple[Edge, str, str] | None:
    """Whether a varied value is the lowest or highest tried, that as a sentence, and its pointer.

    A value at the parameter's own bound (λ = 0) is no edge: nothing lies beyond it.
    scored: how many settings have scores, where that is not all of them: then nothing is final.
    """
    for pointer, value in settings[row]:
        values = _column(settings, pointer)
        knob = knobs.get(pointer, Knob())
        edges: tuple[tuple[Edge, str, float, tuple[float | None, ...]], ...] = (
            ("low", "lowest", values.min(), (knob.ge, knob.gt)),
            ("high", "highest", values.max(), (knob.le, knob.lt)),
        )
        for edge, word, end, bounds in edges:
            if values.min() < values.max() and value == end and value not in bounds:
                name = knob_words(pointer.rsplit("/", 1)[-1])
                if scored is not None:
                    told = (
                        f"the chosen {name} = {number(value)} is the {word} of its range, but only "
                        f"{scored} of {len(settings)} settings have scores yet"
                    )
                else:
                    told = (
                        f"the chosen {name} = {number(value)} is the {word} of the values tried, "
                        f"so the best may lie beyond it"
                    )
                return edge, told, pointer
    return None


def _direction(knobs: Mapping[str, Knob], pointer: str) -> Simpler | None:
    knob = knobs.get(pointer)
    return knob.simpler if knob else None


def _column(settings: Sequence[Key], pointer: str) -> Array:
    return np.array([dict(setting)[pointer] for setting in settings])


def _first_by(primary: Array, secondary: Array, *, alike: float = 0.0) -> int:
    """The row with the largest primary; among those (nearly) alike, the largest secondary."""
    level = primary >= primary.max() - alike
    return int(np.argmax(np.where(level, secondary, -np.inf)))
