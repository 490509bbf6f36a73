from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.layers.activation import ActivationName, activate, activate_vjp, reference_activation
from core.layers.layer import (
    Alone,
    Example,
    Layer,
    LayerRegularizers,
    OfRagged,
    Parameter,
    Pull,
    Shape,
    Step,
)
from core.term import Knob

if TYPE_CHECKING:
    import torch

Units = Annotated[
    int, Knob(ge=1, le=65_536, integer=True, structural=True), Field(description="outputs")
]
SOFTMAX = (
    "softmax is for the last layer, whose outputs the loss reads as probabilities; use another "
    'activation here, e.g. "relu"'
)


class Dense(Layer):
    """Fully connected layer.

    Formula: y = f(x W + b), W (in, out); the same at every moment of a sequence

    Convention: weights and biases start in U(-k, k), k = 1 / sqrt(in), as torch.nn.Linear.

    Shapes: (R, B, in) -> (R, B, out); (R, B, T, in) -> (R, B, T, out)

    Reference: torch.nn.Linear
    """

    kind: Literal["dense"] = "dense"
    units: Units
    activation: ActivationName | Literal["softmax"] | None = Field(
        None, description='"softmax" is allowed on the last layer only, where the loss applies it'
    )
    bias: bool = True
    regularizers: LayerRegularizers = ()

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5,),), {"units": units, **more})
            for units in (12, 1, 40)
            for more in (
                {"activation": "gelu"},
                {},
                {"bias": False},
                {"activation": "relu"},
                {"activation": "softmax"},
            )
        ] + [Example(((4, 5),), {"units": units, "activation": "relu"}) for units in (3, 40)]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        y_B = xs_B[0] @ p["weight"]
        y_B = y_B + p["bias"][0] if self.bias else y_B
        return reference_activation(y_B, self.activation)

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) > 2:
            raise ValueError(
                f"dense needs features (F,) or a sequence (T, F) and gets {shape}; "
                f"put a flatten before it"
            )
        return (*shape[:-1], self.units)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        bound = shape[-1] ** -0.5
        weight = Parameter("weight", (shape[-1], self.units), "weight", bound)
        bias = Parameter("bias", (1, self.units), "bias", bound)
        return (weight, bias) if self.bias else (weight,)

    def flops(self, shape: Shape) -> int:
        return 2 * math.prod(shape) * self.units

    @property
    def activates(self) -> bool:
        return self.activation not in (None, "softmax")

    @property
    def last_only(self) -> tuple[str, str] | None:
        return None if self.activation != "softmax" else ("activation", SOFTMAX)

    @property
    def _activation(self) -> ActivationName | None:
        return None if self.activation == "softmax" else self.activation

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        from core.kernels import dense

        if x_RB.dim() == 4:
            y = self.forward(x_RB.flatten(1, 2), p, step)
            return y.unflatten(1, x_RB.shape[1:3])  # type: ignore[no-any-return]
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

        if x_RB.dim() == 4:
            return self._vjp_of_sequence(x_RB, p, step, into, through=through)
        y_RB, pull = activate_vjp(dense(x_RB, p["weight"], p.get("bias")), self._activation)
        return y_RB, lambda dy: dense_pull(pull(dy), x_RB, p["weight"], into, through=through)

    def _vjp_of_sequence(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        """Moments are examples."""
        y, pull_flat = self.vjp(x_RB.flatten(1, 2), p, step, into, through=through)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            dx = pull_flat(dy_RB.flatten(1, 2))
            return None if dx is None else dx.view(x_RB.shape)

        return y.unflatten(1, x_RB.shape[1:3]), pull
