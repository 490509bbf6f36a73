from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from core.layers.layer import Alone, Example, Layer, Pull, Shape, Step

if TYPE_CHECKING:
    import torch


class Flatten(Layer):
    """All axes of an example in one.

    Reference: torch.nn.Flatten
    """

    kind: Literal["flatten"] = "flatten"
    is_view: ClassVar[bool] = True

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((2, 7, 6),)), Example(((5,),))]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return xs_B[0].flatten(1)

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
