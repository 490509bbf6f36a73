from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from core.layers.layer import Alone, Example, Layer, OfRagged, Shape, Step
from core.layers.lengths import there
from core.tensors import torch


class GlobalMaxPool(Layer):
    """The largest value of each feature over all moments of a sequence, each text up to its end.

    Shapes: (R, B, T, F) -> (R, B, F)

    Reference: torch.nn.AdaptiveMaxPool1d; Collobert et al. 2011, "max over time"
    """

    kind: Literal["global_max_pool"] = "global_max_pool"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((5, 6),)), Example(((1, 2),))]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.nn.functional.adaptive_max_pool1d(xs_B[0].transpose(1, 2), 1)[..., 0]

    @property
    def of_ragged(self) -> OfRagged:
        return "ends"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2:
            raise ValueError(f"global_max_pool needs a sequence (T, F) and gets {shape}")
        return shape[1:]

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        if step.lengths_RB is not None:
            there_RBT1 = there(step.lengths_RB, x_RB.shape[2]).unsqueeze(-1)
            x_RB = x_RB.masked_fill(~there_RBT1, float("-inf"))
        return x_RB.amax(2) if not x_RB.requires_grad else x_RB.max(2).values
