from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.activation import Activation, ActivationName
from core.layers.batch_norm import BatchNorm
from core.layers.conv import Conv2d
from core.layers.dense import Dense, Units
from core.layers.flatten import Flatten
from core.layers.layer import Example, Shape
from core.layers.pool import MaxPool
from core.term import Knob

Filters = Annotated[int, Knob(ge=1, le=4096, integer=True, structural=True)]


class Cnn(Architecture):
    """Convolutional network: blocks of convolution, activation and 2 x 2 max pooling, then dense.

    Convention: "same" padding; with batch_norm, each block is convolution, batch norm, activation,
    pooling. Pooling stops when the image is smaller than 2 x 2.
    """

    kind: Literal["cnn"] = "cnn"
    filters: Annotated[
        tuple[Filters, ...], Field(min_length=1, max_length=16, description="of each block")
    ] = (16, 32)
    kernel: Annotated[int, Field(ge=1, le=31)] = 3
    hidden: Annotated[
        tuple[Units, ...], Field(max_length=8, description="dense layers after the blocks")
    ] = ()
    activation: ActivationName = "relu"
    batch_norm: bool = False

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((2, 8, 8),), {"filters": [3, 5]}),
            Example(  # 3 x 5 -> 1 x 2, and no second pooling
                ((1, 3, 5),),
                {"filters": [3, 4], "kernel": 5, "hidden": [6], "batch_norm": True},
            ),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        if len(shape) != 3:
            raise ValueError(
                f"cnn needs images (channels, height, width), and these examples have shape {shape}"
            )
        layers: list[Layer] = []
        size = min(shape[1:])
        for filters in self.filters:
            layers += self._block(filters)
            if size >= 2:
                layers.append(MaxPool())
                size //= 2
        dense = [Dense(units=units, activation=self.activation) for units in self.hidden]
        return (*layers, Flatten(), *dense, Dense(units=outputs))

    def _block(self, filters: int) -> list[Layer]:
        if not self.batch_norm:
            return [Conv2d(filters=filters, kernel=self.kernel, activation=self.activation)]
        return [
            Conv2d(filters=filters, kernel=self.kernel),
            BatchNorm(),
            Activation(activation=self.activation),
        ]
