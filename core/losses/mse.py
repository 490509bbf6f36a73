from __future__ import annotations

from typing import ClassVar, Literal

from core.losses.loss import Loss, as_values
from core.tensors import torch
from core.term import Knobs, Task


class MeanSquaredError(Loss):
    """Mean squared error.

    Formula: mean over outputs of (prediction - target)^2

    Convention: no factor 1/2, so scikit-learn's lasso alpha, which has 1/(2n), is lambda / 2 here.
    Classes become one-hot targets.

    Reference: torch.nn.MSELoss(reduction="none")
    """

    kind: Literal["mse"] = "mse"
    tasks: ClassVar[tuple[Task, ...]] = ("regression", "classification")

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        values_BO = as_values(target_B, prediction_BO)
        loss_BO: torch.Tensor = torch.nn.functional.mse_loss(
            prediction_BO, values_BO, reduction="none"
        )
        return loss_BO.mean(-1)

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        return (prediction_RBO - as_values(target_RB, prediction_RBO)).square().mean(-1)
