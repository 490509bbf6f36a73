from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.dense import Dense, Units
from core.layers.gru import GruLayer
from core.layers.layer import Example, Shape


class Gru(Architecture):
    """Gated recurrent units over texts or sequences; a dense layer reads the last state.

    Reference: Cho et al. 2014; torch.nn.GRU
    """

    kind: Literal["gru"] = "gru"
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
                f"gru reads texts or sequences (T, F), and these examples have shape {shape}"
            )
        *lower, last = self.hidden
        below = [GruLayer(units=units, states="all") for units in lower]
        return (*below, GruLayer(units=last), Dense(units=outputs))
