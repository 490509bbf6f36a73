from __future__ import annotations

from math import inf
from typing import ClassVar, Literal

from core.metrics.metric import Metric
from core.tensors import torch
from core.term import Task


class R2(Metric):
    """Coefficient of determination: the share of variance explained.

    Formula: 1 - sum (y - p)^2 / sum (y - mean y)^2, averaged over outputs

    Convention: the mean is that of the split scored; it can be negative. Equal targets have no
    variance to explain and score 1 when met exactly, else 0. All as in scikit-learn.

    Reference: sklearn.metrics.r2_score
    """

    kind: Literal["r2"] = "r2"
    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    direction: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float, float]] = (-inf, 1.0)

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        if present_RN is None:
            present_RN = torch.ones(target_RN.shape[:2], device=target_RN.device)
        present_RN1 = present_RN.unsqueeze(-1) > 0
        count_R11 = present_RN.sum(1)[:, None, None]
        target_RNO = torch.where(present_RN1, target_RN, 0.0)
        # summed in float64, so that the mean of equal targets is that target
        centre_R1O = target_RNO.sum(1, keepdim=True, dtype=torch.float64) / count_R11
        spread_RNO = torch.where(present_RN1, target_RN - centre_R1O.to(target_RN.dtype), 0.0)
        miss_RNO = torch.where(present_RN1, target_RN - prediction_RNO, 0.0)
        residual_RO, total_RO = miss_RNO.square().sum(1), spread_RNO.square().sum(1)
        unexplained_RO = torch.where(total_RO > 0, residual_RO / total_RO, residual_RO.sign())
        return (1 - unexplained_RO).mean(-1)
