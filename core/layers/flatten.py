from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from core.layers.layer import Layer, Pull, Shape, Step

if TYPE_CHECKING:
    import torch


class Flatten(Layer):
    """All axes of an example in one.

    Reference: torch.nn.Flatten
    """

    kind: Literal["flatten"] = "flatten"
    is_view: ClassVar[bool] = True

    def output_shape(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return x_RB.flatten(2)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        return x_RB.flatten(2), lambda dy: dy.reshape(x_RB.shape)
