from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import ClassVar, Literal

from pydantic import Field

from core.search.search import Dimension, Search, Setting


class GridSearch(Search):
    """Every combination of the values of every range.

    Convention: the last range of the arm varies fastest; values keep the order they were given in.
    """

    kind: Literal["grid"] = Field("grid", alias="method")
    needs_range: ClassVar[bool] = False

    def count(self, dimensions: Sequence[Dimension]) -> int:
        return prod(size_of(dimension) for dimension in dimensions)

    def propose(self, dimensions: Sequence[Dimension], *, arm: str) -> tuple[Setting, ...]:
        pointers = [dimension.pointer for dimension in dimensions]
        values = [values_of(dimension) for dimension in dimensions]
        return tuple(dict(zip(pointers, chosen, strict=True)) for chosen in product(*values))


def values_of(dimension: Dimension) -> tuple[float, ...]:
    """The different values of a range, in order."""
    number = int if dimension.integer else float
    return tuple(dict.fromkeys(number(value) for value in dimension.range.grid()))


def size_of(dimension: Dimension) -> int:
    return len(values_of(dimension))
