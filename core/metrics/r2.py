from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from core.metrics.metric import Metric
from core.term import Task

if TYPE_CHECKING:
    import torch

TINY = 1e-12  # a split of equal targets has no variance to explain


class R2(Metric):
    """Coefficient of determination: the share of variance explained.

    Formula: 1 - sum (y - p)^2 / sum (y - mean y)^2, averaged over outputs

    Convention: the mean is that of the split scored, as in scikit-learn; it can be negative.

    Reference: sklearn.metrics.r2_score
    """

    kind: Literal["r2"] = "r2"
    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    direction: ClassVar[Literal["max", "min"]] = "max"

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        present_RN1 = present_RN.unsqueeze(-1)
        count_R11 = present_RN1.sum(1, keepdim=True)
        centre_R1O = (target_RN * present_RN1).sum(1, keepdim=True) / count_R11
        residual_RO = ((target_RN - prediction_RNO).square() * present_RN1).sum(1)
        total_RO = ((target_RN - centre_R1O).square() * present_RN1).sum(1)
        return (1 - residual_RO / total_RO.clamp_min(TINY)).mean(-1)
