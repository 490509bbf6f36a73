from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from core.metrics.metric import Metric
from core.term import Task

if TYPE_CHECKING:
    import torch


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
    of_probabilities: ClassVar[bool] = True
    every_epoch: ClassVar[bool] = False

    def rows(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor | None:
        p_RNC = probabilities_RNC
        if p_RNC is None:
            return None
        # sum (p - onehot)^2 = sum p^2 - 2 p_y + 1
        p_y_RN = p_RNC.gather(-1, target_RN.unsqueeze(-1)).squeeze(-1)
        return p_RNC.square().sum(-1) - 2 * p_y_RN + 1
