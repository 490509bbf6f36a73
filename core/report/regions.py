"""What is permuted together: one feature of a table, one square patch of an image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

import numpy as np

from core.datasets import DatasetFacts
from core.report.classified import Whole

REGIONS_MAX = 64  # patches of an image: as many pixels as the digits have
SIDES_MIN = 2  # patches along an image's side, below which a map shows nothing


@dataclass(frozen=True, eq=False)
class Regions:
    """F regions by name, and which numbers of a flattened input each holds.

    grid: rows and columns of an image's patches, in reading order; None for a table.
    side: pixels along a patch.
    """

    names: tuple[str, ...]
    members: tuple[Whole, ...]
    grid: tuple[int, int] | None = None
    side: int = 1

    @property
    def noun(self) -> str:
        """What one is called."""
        return "feature" if self.grid is None else "pixel" if self.side == 1 else "patch"

    @property
    def counted(self) -> str:
        """`30 features`, `16 patches`."""
        ending = "es" if self.noun == "patch" else "s"
        return f"{len(self.names):,} {self.noun}{ending if len(self.names) != 1 else ''}"


def regions_of(facts: DatasetFacts) -> Iterator[Regions]:
    """A table's features; an image's square patches through all channels, the finest first."""
    if len(facts.shape) == 1:
        yield _features(facts)
        return
    height, width = facts.shape[-2:]
    for side in range(1, max(height, width)):
        grid = ceil(height / side), ceil(width / side)
        if max(grid) >= SIDES_MIN and grid[0] * grid[1] <= REGIONS_MAX:
            yield _patches(facts, grid, side)


def _features(facts: DatasetFacts) -> Regions:
    names = facts.feature_names or tuple(f"x{i}" for i in range(facts.features))
    return Regions(names, tuple(np.array([i]) for i in range(facts.features)))


def _patches(facts: DatasetFacts, grid: tuple[int, int], side: int) -> Regions:
    number = np.arange(facts.features).reshape(-1, *facts.shape[-2:])
    names, members = [], []
    for row in range(grid[0]):
        for column in range(grid[1]):
            top, left = row * side, column * side
            patch = number[:, top : top + side, left : left + side]
            last = f"–{top + patch.shape[1] - 1}" if patch.shape[1] > 1 else ""
            far = f"–{left + patch.shape[2] - 1}" if patch.shape[2] > 1 else ""
            names.append(f"row {top}{last}, column {left}{far}")
            members.append(patch.ravel())
    return Regions(tuple(names), tuple(members), grid, side)
