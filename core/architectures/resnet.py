from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.activation import Activation, ActivationName
from core.layers.basic_block import BasicBlock
from core.layers.batch_norm import BatchNorm
from core.layers.conv import Conv2d
from core.layers.dense import Dense
from core.layers.global_average_pool import GlobalAveragePool
from core.layers.layer import Example, Shape
from core.layers.pool import MaxPool
from core.term import Knob

Blocks = Annotated[int, Field(ge=1, le=50)]


class Resnet(Architecture):
    """Residual network of basic blocks: a stem, stages of blocks, the mean of all places, dense.

    Convention: each stage doubles the filters, and each after the first halves the image. The stem
    "cifar" is one convolution of 3 x 3, for small images; "imagenet" one of 7 x 7 with stride 2 and
    a pooling of 3 x 3 with stride 2. ResNet-18 is "imagenet", blocks [2, 2, 2, 2], width 64; the
    ResNet-20 of its paper's CIFAR-10 is "cifar", [3, 3, 3], 16, here with projections.

    Reference: He et al. 2016; torchvision.models.resnet18
    """

    kind: Literal["resnet"] = "resnet"
    blocks: Annotated[
        tuple[Blocks, ...], Field(min_length=1, max_length=8, description="of each stage")
    ] = (1, 1, 1)
    width: Annotated[
        int,
        Knob(ge=1, le=1024, integer=True, structural=True),
        Field(description="filters of the first stage"),
    ] = 16
    stem: Literal["cifar", "imagenet"] = "cifar"
    activation: ActivationName = "relu"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((1, 8, 8),), {"blocks": [1, 1], "width": 4}),
            Example(((2, 9, 7),), {"blocks": [2, 1], "width": 3, "activation": "silu"}),
            Example(((2, 24, 24),), {"blocks": [1, 2], "width": 3, "stem": "imagenet"}),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        if len(shape) != 3:
            raise ValueError(
                f"resnet needs images (channels, height, width), and these examples have shape "
                f"{shape}"
            )
        stages = [
            BasicBlock(
                filters=self.width * 2**stage,
                stride=2 if stage and not block else 1,
                activation=self.activation,
            )
            for stage, blocks in enumerate(self.blocks)
            for block in range(blocks)
        ]
        return (*self._stem(), *stages, GlobalAveragePool(), Dense(units=outputs))

    def _stem(self) -> list[Layer]:
        kernel, stride = (3, 1) if self.stem == "cifar" else (7, 2)
        layers: list[Layer] = [
            Conv2d(filters=self.width, kernel=kernel, stride=stride, bias=False),
            BatchNorm(),
            Activation(activation=self.activation),
        ]
        return layers if self.stem == "cifar" else [*layers, MaxPool(size=3, stride=2, padding=1)]
