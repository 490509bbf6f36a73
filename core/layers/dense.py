from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from core.layers.activation import ActivationName, activate
from core.layers.layer import Layer, LayerRegularizers, Parameter, Shape, Step
from core.tensors import torch
from core.term import Knob

Units = Annotated[
    int, Knob(ge=1, le=65_536, integer=True, structural=True), Field(description="outputs")
]


class Dense(Layer):
    """Fully connected layer.

    Formula: y = f(x W + b), W (in, out)

    Convention: weights and biases start in U(-k, k), k = 1 / sqrt(in), as torch.nn.Linear.

    Shapes: (R, B, in) -> (R, B, out)

    Reference: torch.nn.Linear
    """

    kind: Literal["dense"] = "dense"
    units: Units
    activation: ActivationName | Literal["softmax"] | None = Field(
        None, description='"softmax" is allowed on the last layer only, where the loss applies it'
    )
    bias: bool = True
    regularizers: LayerRegularizers = ()

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 1:
            raise ValueError(
                f"dense needs one axis of features and gets {shape}; put a flatten before it"
            )
        return (self.units,)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        bound = shape[0] ** -0.5
        weight = Parameter("weight", (shape[0], self.units), "weight", bound)
        bias = Parameter("bias", (1, self.units), "bias", bound)
        return (weight, bias) if self.bias else (weight,)

    def flops(self, shape: Shape) -> int:
        return 2 * shape[0] * self.units

    @property
    def activates(self) -> bool:
        return self.activation not in (None, "softmax")

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        from core.kernels import dense

        if self.bias:
            z_RBH = dense(x_RB, p["weight"], p["bias"])
        else:
            z_RBH = torch.bmm(x_RB, p["weight"])
        return activate(z_RBH, None if self.activation == "softmax" else self.activation)
