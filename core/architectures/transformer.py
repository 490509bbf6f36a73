from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.attention import Causal, Heads
from core.layers.dense import Dense
from core.layers.encoder_block import EncoderBlock, Hidden
from core.layers.global_average_pool import GlobalAveragePool
from core.layers.layer import Example, Shape
from core.layers.layer_norm import LayerNorm
from core.layers.position import Position
from core.regularizers.dropout import DropProbability
from core.term import Knob

Width = Annotated[
    int,
    Knob(ge=1, le=4096, integer=True, structural=True),
    Field(description="features of each moment, divisible by the heads"),
]
Depth = Annotated[
    int, Knob(ge=1, le=48, integer=True, structural=True), Field(description="encoder blocks")
]


class Transformer(Architecture):
    """Transformer encoder over texts or sequences; a dense layer reads its mean over time.

    Convention: pre-norm blocks; learned positions; each moment first goes through one dense layer.
    All weights start as torch.nn.Linear.

    Reference: Vaswani et al. 2017; torch.nn.TransformerEncoder
    """

    kind: Literal["transformer"] = "transformer"
    width: Width = 64
    depth: Depth = 2
    heads: Heads = 4
    hidden: Hidden = None
    causal: Causal = False
    dropout: DropProbability = 0.0

    @property
    def embeds(self) -> int:
        return self.width

    @classmethod
    def examples(cls) -> Sequence[Example]:
        small = {"width": 8, "depth": 1, "heads": 2}
        return [
            Example(((8, 8),), small),
            Example(((5, 3),), {**small, "depth": 2, "hidden": 6, "causal": True, "dropout": 0.2}),
            Example(((6,),), small, coded=True),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        if len(shape) != 2:
            raise ValueError(
                f"transformer reads texts or sequences (T, F), and these examples are {shape}"
            )
        block = EncoderBlock(
            heads=self.heads, hidden=self.hidden, causal=self.causal, dropout=self.dropout
        )
        return (
            Dense(units=self.width),
            Position(),
            *[block] * self.depth,
            LayerNorm(),
            GlobalAveragePool(),
            Dense(units=outputs),
        )
