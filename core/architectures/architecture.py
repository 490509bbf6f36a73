"""The family of architectures."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from core.layers import Layer
from core.layers.embedding import Embedding
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

    def wire(self, graph: Wiring, inputs: Mapping[str, Ref], outputs: int) -> Ref:
        """Draw the layers from the data's fields to the outputs; raises as `layers_for`."""
        x = self.embedded(graph, inputs)
        return graph.chain(self.layers_for(graph.shape(x), outputs), x, listed=False)

    @property
    def embeds(self) -> int | None:
        """Numbers by which it tells each word of a text; None where it does not read texts."""
        return None

    def embedded(self, graph: Wiring, inputs: Mapping[str, Ref]) -> Ref:
        """The only field, its words as vectors. Raises ValueError, a sentence."""
        x = self.only(inputs)
        if not graph.coded(x):
            return x
        if self.embeds is None:
            (name,) = inputs
            kinds = [
                k for k, m in Architecture.members().items() if m.embeds is not Architecture.embeds
            ]
            raise ValueError(
                f'{self.kind} reads numbers, and "{name}" is no number; use {", ".join(kinds)}, or '
                "layers that begin with an embedding"
            )
        return graph(Embedding(units=self.embeds), x, name="embedding")

    def only(self, inputs: Mapping[str, Ref]) -> Ref:
        """The only field. Raises ValueError, a sentence, where there are several."""
        if len(inputs) > 1:
            raise ValueError(f"{self.kind} reads one field, and the data has {', '.join(inputs)}")
        return next(iter(inputs.values()))
