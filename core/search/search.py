"""The family of searches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from core.term import Range, Term

Setting = dict[str, float]  # JSON pointer of each varied number, relative to the arm -> its value


@dataclass(frozen=True)
class Dimension:
    """One number that varies: where it stands in the arm, and the values it may take."""

    pointer: str
    range: Range
    integer: bool = False


class Search(Term):
    """How ranges are explored. On the wire its kind is called `method`.

    All settings are proposed at once, when the job is submitted; none can depend on a score.
    """

    family: ClassVar[str] = "search"
    needs_range: ClassVar[bool] = True  # whether it has nothing to do where no number varies

    @classmethod
    def expand(cls, value: Any) -> Any:
        value = super().expand(value)
        if isinstance(value, Mapping) and "method" in value and "kind" not in value:
            return {"kind" if key == "method" else key: inner for key, inner in value.items()}
        return value

    @abstractmethod
    def count(self, dimensions: Sequence[Dimension]) -> int:
        """The most settings that one arm gets; cheap, called before any is made."""

    @abstractmethod
    def propose(self, dimensions: Sequence[Dimension], *, arm: str) -> tuple[Setting, ...]:
        """The settings to train, `count` at most. One `{}` if nothing varies."""
