from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.activation import ActivationName
from core.layers.dense import Dense, Units
from core.layers.global_average_pool import GlobalAveragePool
from core.layers.layer import Example, Shape


class EmbeddingBag(Architecture):
    """Bag of embeddings: the mean vector of a text's words, then dense layers; word order is lost.

    Reference: Joulin et al. 2017, "Bag of tricks for efficient text classification"
    """

    kind: Literal["embedding_bag"] = "embedding_bag"
    width: Annotated[Units, Field(description="numbers for each word")] = 64
    hidden: Annotated[
        tuple[Units, ...], Field(max_length=8, description="dense layers after the mean")
    ] = ()
    activation: ActivationName = "relu"

    @property
    def embeds(self) -> int:
        return self.width

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((6,),), {"width": 4}, coded=True),
            Example(((5,),), {"width": 3, "hidden": [5]}, coded=True),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        if len(shape) != 2:
            raise ValueError(f"embedding_bag reads texts, and these examples have shape {shape}")
        dense = [Dense(units=units, activation=self.activation) for units in self.hidden]
        return (GlobalAveragePool(), *dense, Dense(units=outputs))
