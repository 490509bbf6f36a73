from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from core.losses.loss import Loss, as_values
from core.term import Knobs, Task

if TYPE_CHECKING:
    import torch


class MeanAbsoluteError(Loss):
    """Mean absolute error; its minimum is the conditional median.

    Formula: mean over outputs of |prediction - target|

    Convention: the subgradient at 0 is 0. Classes become one-hot targets.

    Reference: torch.nn.L1Loss(reduction="none")
    """

    kind: Literal["mae"] = "mae"
    tasks: ClassVar[tuple[Task, ...]] = ("regression", "classification")

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        return (prediction_RBO - as_values(target_RB, prediction_RBO)).abs().mean(-1)
