from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from core.layers.layer import Alone, Example, Layer, OfRagged, Parameter, Pull, Shape, Step

if TYPE_CHECKING:
    import torch

BOUND = 0.02 * 3**0.5  # of a uniform distribution whose deviation is 0.02


class Position(Layer):
    """A learned vector for each moment of a sequence, added to it: attention knows no order.

    Formula: y_t = x_t + e_t

    Convention: e starts with deviation 0.02, as in ViT and BERT, and counts as a bias.

    Shapes: (R, B, T, F), unchanged

    Reference: Vaswani et al. 2017; Dosovitskiy et al. 2021
    """

    kind: Literal["position"] = "position"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((5, 6),)), Example(((1, 3),))]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return xs_B[0] + p["embedding"]

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise ValueError(f"position needs a sequence (T, F) and gets {shape}")
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return (Parameter("embedding", shape, "bias", BOUND),)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return x_RB + p["embedding"].unsqueeze(1)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        def pull(dy_RB: torch.Tensor) -> torch.Tensor:
            into["embedding"].copy_(dy_RB.sum(1))
            return dy_RB

        return x_RB + p["embedding"].unsqueeze(1), pull
