"""How much of an axis is worth seeing: one setting that failed must not flatten all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.report.words import counted

REACH = 8  # times the usual distance from the middle; further out one point flattens all others
USUAL = 0.005  # of the middle: the usual distance is at least so much
MARGIN = 0.04  # of the axis, so that no mark is cut at its end


@dataclass(frozen=True)
class Frame:
    """An axis from low to high. beyond: how many points it leaves out."""

    low: float
    high: float
    beyond: int

    @property
    def domain(self) -> list[float]:
        return [self.low, self.high]

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high

    def inside(self, value: float) -> float:
        """The value, or the end of the axis that is nearer to it."""
        return min(max(value, self.low), self.high)

    def words(self, noun: str = "point") -> str:
        """` 3 points lie beyond the frame.`, for the end of a subtitle; nothing where none does."""
        verb = "lies" if self.beyond == 1 else "lie"
        return f" {counted(self.beyond, noun)} {verb} beyond the frame." if self.beyond else ""


def frame_of(
    points: Sequence[float],
    *,
    ends: Sequence[float] = (),
    limits: tuple[float, float] = (-np.inf, np.inf),
) -> Frame:
    """The axis that holds all points but those far from the others.

    A point is far where its distance from the median is more than REACH times the median distance,
    which a failure among many cannot change.
    ends: what the axis has to reach besides, such as ends of an interval; as far as they go no
    further than a point may. limits: what a score can be at all.
    """
    values = np.asarray(points, np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return Frame(0.0, 1.0, 0)
    middle = float(np.median(values))
    away = np.abs(values - middle)
    reach = REACH * max(float(np.median(away)), USUAL * abs(middle)) or float(away.max())
    near = values[away <= reach]
    wanted = [*near.tolist(), *(end for end in ends if abs(end - middle) <= reach)]
    low, high = min(wanted), max(wanted)
    margin = MARGIN * (high - low) or 0.02 * abs(high) or 0.5
    return Frame(
        max(low - margin, limits[0]),
        min(high + margin, limits[1]),
        int((away > reach).sum()),
    )
