"""What metrics declare of themselves, asked by the name of a score."""

from __future__ import annotations

from functools import cache
from math import inf
from typing import TYPE_CHECKING

from core.report.report import Direction
from core.report.words import SPLITS, base_of

if TYPE_CHECKING:
    from core.metrics import Metric

Bounds = tuple[float, float]


def direction_of(metric: str) -> Direction:
    """Whether larger is better, as the metric declares; losses and everything else: smaller."""
    member = _member(base_of(metric))
    return member.direction if member else "min"


def bounds_of(metric: str) -> Bounds:
    """What a score can be at all; an interval of its mean that reaches beyond says too much."""
    base = base_of(metric)
    member = _member(base) if metric.partition("_")[0] in SPLITS else None
    return member.bounds if member else (0.0, inf) if base == "loss" else (-inf, inf)


def runs_along(base: str) -> bool:
    """Whether training takes the score on the way through an epoch, from its minibatches."""
    member = _member(base)
    if member is None:
        return base == "loss"
    return member.mean_of_examples and member.every_epoch


def counts_rows(metric: str) -> bool:
    """Whether the score is the share of rows that are right."""
    member = _member(base_of(metric))
    return member is not None and member.share and member.mean_of_examples


def in_target_units(metric: str) -> bool:
    """Whether the score depends on the scale of the targets."""
    member = _member(base_of(metric))
    return member.of_targets if member else base_of(metric) == "loss"


def clipped(metric: str, low: float, high: float) -> Bounds:
    """A range of scores, without what cannot be."""
    least, most = bounds_of(metric)
    return max(low, least), min(high, most)


@cache
def _member(base: str) -> type[Metric] | None:
    from core.metrics import Metric  # late: it loads every metric

    return Metric.members().get(base)
