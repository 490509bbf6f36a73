"""The family of architectures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from core.layers import Layer
from core.layers.layer import Example, Ref, Shape, Wiring
from core.term import Term

OUTPUTS = 10  # of every example


class Architecture(Term):
    """A model family: it says which layers lead from an example's shape to so many outputs.

    A member writes `layers_for` where they follow one another, else `wire`.
    """

    family: ClassVar[str] = "architecture"

    @property
    def listed(self) -> tuple[Layer, ...]:
        """The layers that the client listed, at /layers; none where the family makes its own."""
        return ()

    @classmethod
    @abstractmethod
    def examples(cls) -> Sequence[Example]:
        """Uses that its tests read, the typical one first, each with OUTPUTS outputs."""

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        """The layers, in order. Raises ValueError, a sentence, where the shape does not fit."""
        raise NotImplementedError(f"{type(self).__name__} is no list of layers")

    def wire(self, graph: Wiring, x: Ref, outputs: int) -> Ref:
        """Draw the layers from x to the outputs, which are returned; raises as `layers_for`."""
        return graph.chain(self.layers_for(graph.shape(x), outputs), x, listed=False)
