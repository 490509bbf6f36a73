"""Which setting of an arm is taken, by a stated rule, on the selection metric alone.

Both rules let only the settings with the most scored replicates of their arm compete: one that
diverged for some seed may not win by the seeds it survived.

min: the best mean. Ties go to the simpler setting.
1se: the simplest setting whose mean is within one standard error (of the best's mean) of the best
(Breiman et al. 1984, Classification and Regression Trees, 3.4.3), taken over folds where seeds
share them (see `units`). With fewer than two of them there is no standard error, and it takes what
min takes.

Simplicity of a setting: for every varied knob that declares a simpler direction, the rank of its
value among the arm's values, scaled to 0 … 1 with 1 the simplest; these are summed, so that each
knob weighs the same. Ties go to the better mean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.report.report import Direction, Edge
from core.report.statistics import Array, Summary
from core.report.table import Key
from core.report.words import knob_words, number
from core.term import Knob

Simpler = Literal["high", "low"]


def sign_of(direction: Direction) -> int:
    """+1 where larger is better, so that sign · score always grows with quality."""
    return 1 if direction == "max" else -1


@dataclass(frozen=True)
class Picked:
    """Row of each rule's setting, within the arm."""

    best: int
    simplest: int


def choose(
    summary: Summary, direction: Direction, settings: Sequence[Key], knobs: Mapping[str, Knob]
) -> Picked | None:
    """Rows taken by `min` and `1se` from one arm's summary; None where nothing is scored."""
    if not len(settings) or not summary.n.max():
        return None
    quality = np.where(summary.n == summary.n.max(), sign_of(direction) * summary.mean, -np.inf)
    simplicity = simplicity_of(settings, knobs)
    best = _first_by(quality, simplicity)
    within = quality >= quality[best] - np.nan_to_num(summary.error[best])
    simplest = _first_by(np.where(within, simplicity, -np.inf), quality)
    ordered = any(_direction(knobs, pointer) for pointer, _ in settings[best])
    return Picked(best, simplest if ordered else best)


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
    row: int, settings: Sequence[Key], knobs: Mapping[str, Knob]
) -> tuple[Edge, str] | None:
    """Whether a varied value is the lowest or highest tried, and that as a sentence.

    A value at the parameter's own bound (λ = 0) is no edge: nothing lies beyond it.
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
                return edge, (
                    f"the chosen {name} = {number(value)} is the {word} of the values tried, "
                    f"so the best may lie beyond it"
                )
    return None


def _direction(knobs: Mapping[str, Knob], pointer: str) -> Simpler | None:
    knob = knobs.get(pointer)
    return knob.simpler if knob else None


def _column(settings: Sequence[Key], pointer: str) -> Array:
    return np.array([dict(setting)[pointer] for setting in settings])


def _first_by(primary: NDArray[np.float64], secondary: Array) -> int:
    """The row with the largest primary; among equals, the largest secondary; then the first."""
    rows = np.arange(len(primary))
    return int(np.lexsort((rows, -secondary, -primary))[0])
