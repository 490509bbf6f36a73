from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from core.layers.layer import Alone, Example, Shape, Step
from core.layers.merge import Merge
from core.tensors import torch


class Dot(Merge):
    """The dot product of the two vectors that it reads.

    Formula: y = sum_f x_f z_f

    Shapes: two (R, B, F) -> (R, B, 1)

    Reference: torch.linalg.vecdot
    """

    kind: Literal["dot"] = "dot"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((5,), (5,))), Example(((1,), (1,)))]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.linalg.vecdot(xs_B[0], xs_B[1]).unsqueeze(-1)  # type: ignore[no-any-return]

    def output_shape_of(self, *shapes: Shape) -> Shape:
        if len(shapes) != 2:
            raise ValueError(f'dot reads two layers; name them in its "input", {len(shapes)} are')
        if shapes[0] != shapes[1] or len(shapes[0]) != 1:
            raise ValueError(f"dot needs two vectors of one length and reads {shapes}")
        return (1,)

    def forward_all(
        self, xs_RB: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        product: torch.Tensor = (xs_RB[0] * xs_RB[1]).sum(-1, keepdim=True)
        return product
