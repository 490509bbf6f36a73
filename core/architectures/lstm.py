from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.dense import Dense, Units
from core.layers.layer import Example, Shape
from core.layers.lstm import LstmLayer


class Lstm(Architecture):
    """Long short-term memory over texts or sequences; a dense layer reads the last state.

    Reference: Hochreiter and Schmidhuber 1997; torch.nn.LSTM
    """

    kind: Literal["lstm"] = "lstm"
    hidden: Annotated[
        tuple[Units, ...], Field(min_length=1, max_length=8, description="units of each layer")
    ] = (64,)
    width: Annotated[Units, Field(description="numbers for each word, of texts")] = 64

    @property
    def embeds(self) -> int:
        return self.width

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((8, 8),), {"hidden": [6]}),
            Example(((5, 3),), {"hidden": [4, 7]}),
            Example(((5,),), {"hidden": [4], "width": 3}, coded=True),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        if len(shape) != 2:
            raise ValueError(
                f"lstm reads texts or sequences (T, F), and these examples have shape {shape}"
            )
        *lower, last = self.hidden
        below = [LstmLayer(units=units, states="all") for units in lower]
        return (*below, LstmLayer(units=last), Dense(units=outputs))
