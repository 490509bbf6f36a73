from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import OUTPUTS, Architecture
from core.layers import Layer
from core.layers.layer import Example, Ref, Wiring


class Layers(Architecture):
    """A declarative list of layers, in order; a layer may carry its own regularizers.

    Convention: the last layer must have one unit per class or target. A "softmax" there means
    that the outputs are read as probabilities; the loss applies it to the logits.
    """

    kind: Literal["layers"] = "layers"
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=100)]

    @property
    def listed(self) -> tuple[Layer, ...]:
        return self.layers

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(
                ((2, 8, 8),),
                {"layers": ["average_pool", "flatten", {"kind": "dense", "units": OUTPUTS}]},
            )
        ]

    def wire(self, graph: Wiring, inputs: Mapping[str, Ref], outputs: int) -> Ref:
        return graph.chain(self.layers, next(iter(inputs.values())))
