from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random
from typing import Annotated, Literal

from pydantic import Field

from core.search.grid import GridSearch
from core.search.search import Dimension, Search, Setting
from core.term import LinearRange, LogRange, Values

MAX_TRIALS = 10_000
TRIES_PER_TRIAL = 30  # repeats are drawn again; a space with too few values ends the search early


class RandomSearch(Search):
    """`trials` different settings drawn at random, uniformly over each range.

    A log_range is drawn uniformly in logarithm. Each number has its own stream of draws, seeded
    by the search's seed, the arm and the number's place, so adding a range leaves the others be.
    Drawn values are rounded to 6 digits. A space of no more than `trials` points is tried whole.

    Reference: Bergstra and Bengio 2012
    """

    kind: Literal["random"] = Field("random", alias="method")
    trials: Annotated[
        int, Field(ge=1, le=MAX_TRIALS, description="settings to draw for each arm")
    ] = 20
    seed: Annotated[int, Field(ge=0, lt=2**53, description="seed of the draws")] = 0

    def count(self, dimensions: Sequence[Dimension]) -> int:
        if all(isinstance(dimension.range, Values) for dimension in dimensions):
            return min(self.trials, GridSearch().count(dimensions))
        return self.trials

    def propose(self, dimensions: Sequence[Dimension], *, arm: str) -> tuple[Setting, ...]:
        finite = all(isinstance(dimension.range, Values) for dimension in dimensions)
        if finite and GridSearch().count(dimensions) <= self.trials:
            return GridSearch().propose(dimensions, arm=arm)
        different: dict[tuple[float, ...], Setting] = {}
        for setting in islice(self._draws(dimensions, arm), TRIES_PER_TRIAL * self.trials):
            different.setdefault(tuple(setting.values()), setting)
            if len(different) == self.trials:
                break
        return tuple(different.values())

    def _draws(self, dimensions: Sequence[Dimension], arm: str) -> Iterator[Setting]:
        # A string seed is hashed by SHA-512: the same draws on every machine and Python.
        streams = [Random(f"{self.seed}|{arm}|{dimension.pointer}") for dimension in dimensions]
        while True:
            yield {
                dimension.pointer: _draw(dimension, stream.random())
                for dimension, stream in zip(dimensions, streams, strict=True)
            }


def _draw(dimension: Dimension, u: float) -> float:
    """The value at `u` in [0, 1), rounded to 6 digits without leaving the range."""
    drawn = dimension.range
    if isinstance(drawn, Values):
        value = drawn.at(u)
        return int(value) if dimension.integer else value
    low, high = _ends(drawn)
    if dimension.integer:
        return (
            int(low + (high - low + 1) * u)
            if isinstance(drawn, LinearRange)
            else round(drawn.at(u))
        )
    return min(max(float(f"{drawn.at(u):.6g}"), low), high)


def _ends(drawn: LinearRange | LogRange) -> tuple[float, float]:
    return drawn.range if isinstance(drawn, LinearRange) else drawn.log_range
