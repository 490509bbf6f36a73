from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers.activation import ActivationName
from core.layers.conv1d import Conv1d
from core.layers.dense import Dense, Units
from core.layers.dropout import DropoutLayer
from core.layers.global_max_pool import GlobalMaxPool
from core.layers.layer import Example, Ref, Wiring
from core.layers.merge import Concat
from core.regularizers.dropout import DropProbability
from core.term import Knob

Kernel = Annotated[int, Field(ge=1, le=63)]


class TextCnn(Architecture):
    """Convolutions of several widths over a text's words, the largest of each filter, then dense.

    Reference: Kim 2014, "Convolutional neural networks for sentence classification"
    """

    kind: Literal["text_cnn"] = "text_cnn"
    width: Annotated[Units, Field(description="numbers for each word")] = 64
    filters: Annotated[
        int, Knob(ge=1, le=4096, integer=True, structural=True), Field(description="of each kernel")
    ] = 64
    kernels: Annotated[
        tuple[Kernel, ...], Field(min_length=1, max_length=8, description="words of each phrase")
    ] = (3, 4, 5)
    activation: ActivationName = "relu"
    dropout: DropProbability = 0.0

    @property
    def embeds(self) -> int:
        return self.width

    @classmethod
    def examples(cls) -> Sequence[Example]:
        small = {"width": 4, "filters": 3}
        return [
            Example(((6,),), {**small, "kernels": [2, 3]}, coded=True),
            Example(((5,),), {**small, "kernels": [3], "dropout": 0.2}, coded=True),
        ]

    def wire(self, graph: Wiring, inputs: Mapping[str, Ref], outputs: int) -> Ref:
        x = self.embedded(graph, inputs)
        if len(graph.shape(x)) != 2:
            raise ValueError(
                f"text_cnn reads texts or sequences (T, F), and these examples have shape "
                f"{graph.shape(x)}"
            )
        found = []
        for kernel in self.kernels:
            conv = Conv1d(filters=self.filters, kernel=kernel, activation=self.activation)
            found.append(graph(GlobalMaxPool(), graph(conv, x)))
        phrases = graph(Concat(), *found) if len(found) > 1 else found[0]
        if self.dropout:
            phrases = graph(DropoutLayer(p=self.dropout), phrases)
        return graph(Dense(units=outputs), phrases)
