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

    @property
    def listed(self) -> tuple[Layer, ...]:
        """The layers that the client listed, at /layers; none where the family makes its own."""
        return ()

    @abstractmethod
    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        """The layers, in order. Raises ValueError, a sentence, where the shape does not fit."""
