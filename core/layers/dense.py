from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.layers.activation import ActivationName, activate, activate_vjp
from core.layers.layer import Layer, LayerRegularizers, Parameter, Pull, Shape, Step
from core.term import Knob

if TYPE_CHECKING:
    import torch

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

    @property
    def last_only(self) -> str | None:
        if self.activation != "softmax":
            return None
        return (
            "softmax is for the last layer, whose outputs the loss reads as probabilities; "
            'use another activation here, e.g. "relu"'
        )

    @property
    def _activation(self) -> ActivationName | None:
        return None if self.activation == "softmax" else self.activation

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        from core.kernels import dense

        return activate(dense(x_RB, p["weight"], p.get("bias")), self._activation, owned=True)

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

        y_RB, pull = activate_vjp(dense(x_RB, p["weight"], p.get("bias")), self._activation)
        return y_RB, lambda dy: dense_pull(pull(dy), x_RB, p["weight"], into, through=through)
