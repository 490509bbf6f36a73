from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.dense import Units
from core.layers.layer import (
    Alone,
    Example,
    Layer,
    LayerRegularizers,
    Parameter,
    Pull,
    Shape,
    Step,
)
from core.tensors import torch


class Patches(Layer):
    """An image cut in squares, each of which becomes one vector of a sequence.

    Formula: y_t = vec(patch_t) W + b; patches row by row, each as channels, rows, columns

    Convention: a convolution whose kernel is its stride, and starts as torch.nn.Conv2d.

    Shapes: (R, B, C, H, W) -> (R, B, H W / size^2, units)

    Reference: Dosovitskiy et al. 2021, "An image is worth 16x16 words"
    """

    kind: Literal["patches"] = "patches"
    units: Units
    size: Annotated[int, Field(ge=1, le=64, description="height and width of a patch")] = 4
    regularizers: LayerRegularizers = ()

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((2, 6, 4),), {"units": 5, "size": 2}),
            Example(((1, 3, 6),), {"units": 40, "size": 3}),
            Example(((3, 2, 2),), {"units": 4, "size": 1}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        x_B, size = xs_B[0], self.size
        filters = p["weight"].T.reshape(self.units, x_B.shape[1], size, size)
        y_B = torch.nn.functional.conv2d(x_B, filters, p["bias"][0], stride=size)
        return y_B.flatten(2).transpose(1, 2)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ValueError(f"patches needs an image (channels, height, width) and gets {shape}")
        if shape[1] % self.size or shape[2] % self.size:
            raise ValueError(f"patches of {self.size} do not fill {shape[1]} x {shape[2]}")
        return (shape[1] * shape[2] // self.size**2, self.units)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        numbers = shape[0] * self.size**2
        weight = Parameter("weight", (numbers, self.units), "weight", numbers**-0.5)
        return weight, Parameter("bias", (1, self.units), "bias", numbers**-0.5)

    def flops(self, shape: Shape) -> int:
        return 2 * shape[0] * shape[1] * shape[2] * self.units

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        from core.kernels import dense

        return self._sequence(dense(self._cut(x_RB), p["weight"], p["bias"]), x_RB)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        from core.kernels import dense, dense_pull

        cut = self._cut(x_RB)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            dcut = dense_pull(dy_RB.flatten(1, 2), cut, p["weight"], into, through=through)
            return None if dcut is None else self._joined(dcut, x_RB)

        return self._sequence(dense(cut, p["weight"], p["bias"]), x_RB), pull

    def _cut(self, x_RB: torch.Tensor) -> torch.Tensor:
        """(R, B T, C size^2)."""
        _, _, channels, height, width = x_RB.shape
        size = self.size
        tiles = x_RB.unflatten(4, (width // size, size)).unflatten(3, (height // size, size))
        tiles = tiles.permute(0, 1, 3, 5, 2, 4, 6)  # R, B, rows, columns, C, size, size
        cut: torch.Tensor = tiles.reshape(len(x_RB), -1, channels * size**2)
        return cut

    def _joined(self, cut: torch.Tensor, x_RB: torch.Tensor) -> torch.Tensor:
        """The inverse of `_cut`."""
        runs, examples, channels, height, width = x_RB.shape
        size = self.size
        tiles = cut.view(runs, examples, height // size, width // size, channels, size, size)
        joined: torch.Tensor = tiles.permute(0, 1, 4, 2, 5, 3, 6).reshape(x_RB.shape)
        return joined

    def _sequence(self, y: torch.Tensor, x_RB: torch.Tensor) -> torch.Tensor:
        sequence: torch.Tensor = torch.unflatten(y, 1, (x_RB.shape[1], -1))
        return sequence
