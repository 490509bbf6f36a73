from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.activation import ActivationName, activate, reference_activation
from core.layers.layer import (
    Alone,
    Example,
    Layer,
    LayerRegularizers,
    OfRagged,
    Parameter,
    Shape,
    Step,
)
from core.layers.lengths import there
from core.tensors import torch
from core.term import Knob


class Conv1d(Layer):
    """Convolution over the moments of a sequence, as a text CNN reads phrases.

    Formula: y_t = f(sum_k x_{t + k - kernel // 2} W_k + b); zeros before the start and after the
    end of a text

    Convention: weights and biases start in U(-k, k), k = 1 / sqrt(in * kernel), as torch.nn.Conv1d.

    Shapes: (R, B, T, in) -> (R, B, T, filters)

    Reference: torch.nn.Conv1d; Collobert et al. 2011
    """

    kind: Literal["conv1d"] = "conv1d"
    filters: Annotated[
        int, Knob(ge=1, le=4096, integer=True, structural=True), Field(description="out channels")
    ]
    kernel: Annotated[int, Field(ge=1, le=63, description="moments")] = 3
    activation: ActivationName | None = None
    regularizers: LayerRegularizers = ()

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5, 3),), {"filters": 4, "activation": "relu"}),
            Example(((5, 3),), {"filters": 2, "kernel": 4}),
            Example(((1, 2),), {"filters": 3, "kernel": 1}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        before, after = self._around
        x_B = torch.nn.functional.pad(xs_B[0].transpose(1, 2), (before, after))
        y_B = torch.nn.functional.conv1d(x_B, p["weight"], p["bias"])
        return reference_activation(y_B.transpose(1, 2), self.activation)

    @property
    def of_ragged(self) -> OfRagged:
        return "mixes"

    @property
    def activates(self) -> bool:
        return self.activation is not None

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise ValueError(f"conv1d needs a sequence (T, F) and gets {shape}")
        return (shape[0], self.filters)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        bound = (shape[1] * self.kernel) ** -0.5
        weight = (self.filters, shape[1], self.kernel)
        return (
            Parameter("weight", weight, "weight", bound, fan_in=(2, 3)),
            Parameter("bias", (self.filters,), "bias", bound),
        )

    def flops(self, shape: Shape) -> int:
        return 2 * shape[0] * shape[1] * self.kernel * self.filters

    def inner_of(self, *shapes: Shape) -> int:
        """Every window apart."""
        ((moments, features),) = shapes
        return moments * features * self.kernel

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        runs, examples, moments, _ = x_RB.shape
        if step.lengths_RB is not None:
            x_RB = x_RB * there(step.lengths_RB, moments).unsqueeze(-1)
        around = torch.nn.functional.pad(x_RB, (0, 0, *self._around))
        window_RNK = around.unfold(2, self.kernel, 1).reshape(runs, examples * moments, -1)
        w_RKF = p["weight"].flatten(2).transpose(1, 2)
        y_RNF = torch.baddbmm(p["bias"].unsqueeze(1), window_RNK, w_RKF)
        return activate(y_RNF.unflatten(1, (examples, moments)), self.activation)

    @property
    def _around(self) -> tuple[int, int]:
        """Zeros before the first moment and after the last."""
        return self.kernel // 2, self.kernel - 1 - self.kernel // 2
