from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from core.layers.layer import Layer, Shape, Step
from core.tensors import torch

ActivationName = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "sigmoid", "softplus"]


class Activation(Layer):
    """An elementwise non-linearity.

    Formula: y = f(x), f as torch.nn.functional names it

    Reference: torch.nn.functional
    """

    kind: Literal["activation"] = "activation"
    activation: ActivationName = "relu"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    @property
    def activates(self) -> bool:
        return True

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return activate(x_RB, self.activation)


def activate(x: torch.Tensor, name: ActivationName | None) -> torch.Tensor:
    """f(x); None is the identity."""
    if name is None:
        return x
    if name == "relu":
        return torch.relu(x)
    if name in ("tanh", "sigmoid"):
        return getattr(torch, name)(x)  # type: ignore[no-any-return]
    return getattr(torch.nn.functional, name)(x)  # type: ignore[no-any-return]
