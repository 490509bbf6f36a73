from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from core.layers.activation import ActivationName, activate
from core.layers.layer import Layer, LayerRegularizers, Parameter, Shape, Step
from core.tensors import torch
from core.term import Knob


class Conv2d(Layer):
    """Two-dimensional convolution, one filter bank per run.

    Formula: y[o, i, j] = f(b[o] + sum over c, u, v of W[o, c, u, v] x[c, i s + u - p, j s + v - p])

    Convention: "same" pads with zeros so that stride 1 keeps height and width (odd kernels);
    "valid" pads nothing. Starts as torch.nn.Conv2d, in U(-k, k), k = 1 / sqrt(fan in).

    Shapes: (R, B, C, H, W) -> (R, B, filters, H', W')

    Reference: torch.nn.Conv2d
    """

    kind: Literal["conv2d"] = "conv2d"
    filters: Annotated[
        int, Knob(ge=1, le=4096, integer=True, structural=True), Field(description="out channels")
    ]
    kernel: Annotated[int, Field(ge=1, le=31, description="height and width")] = 3
    stride: Annotated[int, Field(ge=1, le=16)] = 1
    padding: Literal["same", "valid"] = "same"
    activation: ActivationName | None = None
    bias: bool = True
    regularizers: LayerRegularizers = ()

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ValueError(f"conv2d needs an image (channels, height, width) and gets {shape}")
        if self.padding == "same" and self.kernel % 2 == 0:
            raise ValueError(f"same padding needs an odd kernel, and {self.kernel} is even")
        height, width = ((n + 2 * self._pad - self.kernel) // self.stride + 1 for n in shape[1:])
        if min(height, width) < 1:
            raise ValueError(f"a kernel of {self.kernel} does not fit in {shape[1]} x {shape[2]}")
        return (self.filters, height, width)

    @property
    def _pad(self) -> int:
        return self.kernel // 2 if self.padding == "same" else 0

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        filters = (self.filters, shape[0], self.kernel, self.kernel)
        bound = (shape[0] * self.kernel**2) ** -0.5
        weight = Parameter("weight", filters, "weight", bound, fan_in=(2, 3, 4))
        bias = Parameter("bias", (self.filters,), "bias", bound)
        return (weight, bias) if self.bias else (weight,)

    def flops(self, shape: Shape) -> int:
        filters, height, width = self.output_shape(shape)
        return 2 * shape[0] * self.kernel**2 * filters * height * width

    @property
    def activates(self) -> bool:
        return self.activation is not None

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        R = x_RB.shape[0]
        # The run axis becomes groups of channels: one grouped convolution for the whole cohort.
        x_BRC = x_RB.transpose(0, 1).flatten(1, 2)
        bias = p["bias"].reshape(-1) if self.bias else None
        y_BRO = torch.nn.functional.conv2d(
            x_BRC, p["weight"].flatten(0, 1), bias, self.stride, self._pad, groups=R
        )
        return activate(y_BRO.unflatten(1, (R, self.filters)).transpose(0, 1), self.activation)
