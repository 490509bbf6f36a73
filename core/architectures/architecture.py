"""The family of architectures."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from core.layers import Layer
from core.layers.layer import Shape
from core.term import Term


class Architecture(Term):
    """A model family: it says which layers lead from an example's shape to so many outputs."""

    family: ClassVar[str] = "architecture"

    @abstractmethod
    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        """The layers, in order. Raises ValueError, a sentence, where the shape does not fit."""
