from __future__ import annotations

from typing import ClassVar, Literal

from core.losses.loss import Loss, as_values
from core.tensors import torch
from core.term import Knobs, Task


class MeanAbsoluteError(Loss):
    """Mean absolute error; its minimum is the conditional median.

    Formula: mean over outputs of |prediction - target|

    Convention: the subgradient at 0 is 0. Classes become one-hot targets.

    Reference: torch.nn.L1Loss(reduction="none")
    """

    kind: Literal["mae"] = "mae"
    tasks: ClassVar[tuple[Task, ...]] = ("regression", "classification")

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        values_BO = as_values(target_B, prediction_BO)
        loss_BO: torch.Tensor = torch.nn.functional.l1_loss(
            prediction_BO, values_BO, reduction="none"
        )
        return loss_BO.mean(-1)

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        return (prediction_RBO - as_values(target_RB, prediction_RBO)).abs().mean(-1)
