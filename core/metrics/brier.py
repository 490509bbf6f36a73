from __future__ import annotations

from typing import ClassVar, Literal

from core.metrics.metric import Metric, mean_present
from core.tensors import torch
from core.term import Task


class Brier(Metric):
    """Brier score: squared distance of the predicted probabilities from the truth.

    Formula: mean of sum_c (p_c - [y = c])^2

    Convention: summed over classes, so from 0 to 2; NaN where the loss gives no probabilities.

    Reference: Brier 1950
    """

    kind: Literal["brier"] = "brier"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.0)
    every_epoch: ClassVar[bool] = False

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        p_RNC = probabilities_RNC
        if p_RNC is None:
            return torch.full(prediction_RNO.shape[:1], torch.nan, device=prediction_RNO.device)
        # sum (p - onehot)^2 = sum p^2 - 2 p_y + 1
        p_y_RN = p_RNC.gather(-1, target_RN.unsqueeze(-1)).squeeze(-1)
        return mean_present(p_RNC.square().sum(-1) - 2 * p_y_RN + 1, present_RN)
