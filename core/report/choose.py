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
from typing import Literal

import numpy as np

from core.report.layout import Layout, Whole, error_over
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


@dataclass(frozen=True)
class Standing:
    """What settings are chosen by, over K sets of replicates: how many are scored, their mean, and
    its standard error, NaN for none."""

    n_KS: Whole
    mean_KS: Array
    error_KS: Array

    def of(self, rows: slice) -> Standing:
        """Of some settings."""
        return Standing(self.n_KS[:, rows], self.mean_KS[:, rows], self.error_KS[:, rows])


def standing_of(
    scores_SR: Array, layout: Layout, metric: str, *, rows: int | None = None
) -> Standing:
    """Over all replicates first, then in each part of the layout from that part's scores alone.

    A part's test rows are scored by the settings taken there, and no choice has seen them.
    rows: of one validation part, where a score counts rows that are right; else None.
    """
    n_KS, mean_KS, error_KS = [], [], []
    parts = [layout.of_part(part) for part in range(len(layout.parts))]
    for columns, within in [(np.arange(scores_SR.shape[1]), layout), *parts]:
        n, mean, _ = moments(scores_SR[:, columns])
        error, _ = error_over(scores_SR[:, columns], within, metric, rows=rows)
        n_KS.append(n)
        mean_KS.append(mean)
        error_KS.append(error)
    return Standing(np.stack(n_KS), np.stack(mean_KS), np.stack(error_KS))


def choose(standing: Standing, *, direction: Direction, order: Order) -> list[Picked | None]:
    """(K,) rows taken by `min` and `1se` from an arm's settings; None where nothing is scored."""
    n_KS, mean_KS = standing.n_KS, standing.mean_KS
    most_K1 = n_KS.max(axis=1, initial=0)[:, None]
    quality_KS = np.where(n_KS == most_K1, sign_of(direction) * mean_KS, -np.inf)
    size_KS = np.where(np.isfinite(mean_KS), np.abs(mean_KS), 0.0)
    alike_K1 = FLOAT32 * size_KS.max(axis=1, initial=0.0)[:, None]
    best_K = _first_by(quality_KS, order.simplicity_S, alike_K1)
    best_K1 = best_K[:, None]
    error_K1 = np.nan_to_num(np.take_along_axis(standing.error_KS, best_K1, axis=1), posinf=0.0)
    least_K1 = np.take_along_axis(quality_KS, best_K1, axis=1) - error_K1 - alike_K1
    simple_KS = np.where(quality_KS >= least_K1, order.simplicity_S, -np.inf)
    simplest_K = _first_by(simple_KS, quality_KS) if order.known else best_K
    return [
        Picked(best, simplest) if scored else None
        for best, simplest, scored in zip(
            best_K.tolist(), simplest_K.tolist(), most_K1[:, 0].tolist(), strict=True
        )
    ]


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


def _first_by(primary_KS: Array, secondary: Array, alike_K1: Array | float = 0.0) -> Whole:
    """(K,) the row with the largest primary; among those (nearly) alike, the largest secondary."""
    level_KS = primary_KS >= primary_KS.max(axis=1, keepdims=True) - alike_K1
    first_K: Whole = np.where(level_KS, secondary, -np.inf).argmax(axis=1)
    return first_K
