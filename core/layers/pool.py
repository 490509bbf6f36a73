from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.layer import Alone, Example, Layer, Shape, Step
from core.tensors import torch

Window = Annotated[int, Field(ge=2, le=64, description="height and width, and the stride")]


class MaxPool(Layer):
    """The largest value of each window.

    Convention: windows lie side by side unless `stride` says else; `padding` adds places at each
    edge that are never the largest.

    Shapes: (R, B, C, H, W) -> (R, B, C, (H + 2 padding - size) // stride + 1, ...)

    Reference: torch.nn.MaxPool2d
    """

    kind: Literal["max_pool"] = "max_pool"
    size: Window = 2
    stride: Annotated[int | None, Field(ge=1, le=64, description="without, the size")] = None
    padding: Annotated[int, Field(ge=0, le=32, description="at most half the size")] = 0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((2, 7, 6),)),
            Example(((2, 7, 6),), {"size": 3}),
            Example(((1, 2, 2),)),
            Example(((2, 7, 6),), {"size": 3, "stride": 2, "padding": 1}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.nn.MaxPool2d(self.size, self.stride, self.padding)(xs_B[0])  # type: ignore[no-any-return]

    def output_shape(self, shape: Shape) -> Shape:
        if self.padding > self.size // 2:
            raise ValueError(f"a padding of {self.padding} is more than half of {self.size}")
        return _pooled(self.kind, shape, self.size, self.stride or self.size, self.padding)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        window = self.size, self.stride, self.padding
        pooled: torch.Tensor = torch.nn.functional.max_pool2d(x_RB.flatten(0, 1), *window)
        return torch.unflatten(pooled, 0, x_RB.shape[:2])


class AveragePool(Layer):
    """The mean of each window.

    Shapes: (R, B, C, H, W) -> (R, B, C, H // size, W // size)

    Reference: torch.nn.AvgPool2d
    """

    kind: Literal["average_pool"] = "average_pool"
    size: Window = 2

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((2, 7, 6),)),
            Example(((2, 7, 6),), {"size": 3}),
            Example(((1, 2, 2),)),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.nn.functional.avg_pool2d(xs_B[0], self.size)

    def output_shape(self, shape: Shape) -> Shape:
        return _pooled(self.kind, shape, self.size, self.size)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        pooled: torch.Tensor = torch.nn.functional.avg_pool2d(x_RB.flatten(0, 1), self.size)
        return torch.unflatten(pooled, 0, x_RB.shape[:2])


def _pooled(kind: str, shape: Shape, size: int, stride: int, padding: int = 0) -> Shape:
    if len(shape) != 3:
        raise ValueError(f"{kind} needs an image (channels, height, width) and gets {shape}")
    channels, height, width = shape
    if min(height, width) + 2 * padding < size:
        raise ValueError(f"{kind} of size {size} does not fit in {height} x {width}")
    return (channels, *((n + 2 * padding - size) // stride + 1 for n in (height, width)))
