from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.layers.activation import ActivationName, activate, activate_vjp, reference_activation
from core.layers.layer import Alone, Example, Layer, LayerRegularizers, Parameter, Pull, Shape, Step
from core.term import Knob

if TYPE_CHECKING:
    import torch


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

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((2, 7, 6),), {"filters": 4, **more})
            for more in (
                {"activation": "relu"},
                {},
                {"padding": "valid"},
                {"kernel": 5, "stride": 2},
                {"kernel": 2, "stride": 3, "padding": "valid"},
                {"kernel": 1, "bias": False, "activation": "relu"},
                {"kernel": 7, "padding": "same", "activation": "tanh"},
            )
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        from torch.nn.functional import conv2d

        y_B = conv2d(xs_B[0], p["weight"], p.get("bias"), self.stride, self._pad)
        return reference_activation(y_B, self.activation)

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
        from core.kernels import convolve

        y_RB = convolve(x_RB, p["weight"], p.get("bias"), self.stride, self._pad)
        return activate(y_RB, self.activation, owned=True)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        from core.kernels import convolve, convolve_pull

        w, stride, pad = p["weight"], self.stride, self._pad
        z_RB = convolve(x_RB, w, p.get("bias"), stride, pad)
        y_RB, pull = activate_vjp(z_RB, self.activation)
        return y_RB, lambda dy: convolve_pull(pull(dy), x_RB, w, into, stride, pad, through=through)
