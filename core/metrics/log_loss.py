from __future__ import annotations

from math import inf
from typing import ClassVar, Literal

from core.metrics.metric import Metric
from core.tensors import torch
from core.term import Task


class LogLoss(Metric):
    """Mean of minus the logarithm of the probability given to the true class.

    Formula: mean of -log p_y

    Convention: the same measure whatever loss was trained with. p is kept within float32's
    epsilon of 0 and 1, as scikit-learn does; NaN where the loss gives no probabilities.

    Reference: sklearn.metrics.log_loss
    """

    kind: Literal["log_loss"] = "log_loss"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float, float]] = (0.0, inf)
    of_probabilities: ClassVar[bool] = True
    every_epoch: ClassVar[bool] = False

    def rows(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor | None:
        if probabilities_RNC is None:
            return None
        p_RN = probabilities_RNC.gather(-1, target_RN.unsqueeze(-1)).squeeze(-1)
        epsilon = torch.finfo(p_RN.dtype).eps
        return -p_RN.clamp(epsilon, 1 - epsilon).log()
