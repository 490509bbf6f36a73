from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from core.layers.layer import Alone, Example, Layer, OfRagged, Pull, Shape, Step
from core.layers.lengths import there

if TYPE_CHECKING:
    import torch


class GlobalAveragePool(Layer):
    """The mean over all places of an image, or all moments of a sequence, each text up to its end.

    Shapes: (R, B, C, H, W) -> (R, B, C); (R, B, T, F) -> (R, B, F)

    Reference: Lin, Chen and Yan 2014, "Network in network"
    """

    kind: Literal["global_average_pool"] = "global_average_pool"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((2, 7, 6),)), Example(((5, 6),))]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        x_B = xs_B[0]
        return x_B.mean((2, 3)) if x_B.dim() == 4 else x_B.mean(1)

    @property
    def of_ragged(self) -> OfRagged:
        return "ends"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) == 3:
            return shape[:1]
        if len(shape) == 2:
            return shape[1:]
        raise ValueError(f"global_average_pool needs an image or a sequence and gets {shape}")

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        if step.lengths_RB is not None:
            return _mean_there(x_RB, step.lengths_RB)[0]
        return x_RB.mean(_places(x_RB))

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        if step.lengths_RB is not None:
            mean_RB, share_RBT = _mean_there(x_RB, step.lengths_RB)
            return mean_RB, lambda dy_RB: dy_RB.unsqueeze(2) * share_RBT
        y_RB = x_RB.mean(_places(x_RB), keepdim=True)
        count = x_RB[0, 0].numel() // y_RB[0, 0].numel()

        def pull(dy_RB: torch.Tensor) -> torch.Tensor:
            share_RB = dy_RB.div_(count).reshape(y_RB.shape)
            return share_RB.expand(x_RB.shape).contiguous()

        return y_RB.squeeze(_places(x_RB)), pull


def _places(x_RB: torch.Tensor) -> tuple[int, ...]:
    """The axes of the places of an image, or of time."""
    return (3, 4) if x_RB.dim() == 5 else (2,)


def _mean_there(x_RB: torch.Tensor, lengths_RB: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(R, B, F) the mean over the moments that are there, and each one's share (R, B, T, 1)."""
    there_RBT1 = there(lengths_RB, x_RB.shape[2]).unsqueeze(-1)
    share_RBT1 = there_RBT1 / there_RBT1.sum(2, keepdim=True)
    mean_RB: torch.Tensor = (x_RB * share_RBT1).sum(2)
    return mean_RB, share_RBT1
