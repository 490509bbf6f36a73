from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.architectures.transformer import Depth, Width
from core.layers import Layer
from core.layers.attention import Heads
from core.layers.dense import Dense
from core.layers.encoder_block import EncoderBlock, Hidden
from core.layers.global_average_pool import GlobalAveragePool
from core.layers.layer import Example, Shape
from core.layers.layer_norm import LayerNorm
from core.layers.patches import Patches
from core.layers.position import Position
from core.regularizers.dropout import DropProbability


class Vit(Architecture):
    """Vision transformer: patches of an image as a sequence, through a transformer encoder.

    Convention: pre-norm blocks; learned positions; the classifier reads the mean over patches, and
    there is no class token. All weights start as torch.nn.Linear.

    Reference: Dosovitskiy et al. 2021; Beyer, Zhai and Kolesnikov 2022, "Better plain ViT
    baselines"
    """

    kind: Literal["vit"] = "vit"
    patch: Annotated[int, Field(ge=1, le=64, description="height and width of a patch")] = 4
    width: Width = 64
    depth: Depth = 2
    heads: Heads = 4
    hidden: Hidden = None
    dropout: DropProbability = 0.0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        small = {"patch": 2, "width": 8, "depth": 1, "heads": 2}
        return [
            Example(((1, 8, 8),), small),
            Example(((2, 4, 6),), {**small, "depth": 2, "hidden": 5, "dropout": 0.2}),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        if len(shape) != 3:
            raise ValueError(
                f"vit needs images (channels, height, width), and these examples have shape {shape}"
            )
        block = EncoderBlock(heads=self.heads, hidden=self.hidden, dropout=self.dropout)
        return (
            Patches(units=self.width, size=self.patch),
            Position(),
            *[block] * self.depth,
            LayerNorm(),
            GlobalAveragePool(),
            Dense(units=outputs),
        )
