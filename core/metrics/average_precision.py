from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.metrics.ranking import Curve, Ranking

if TYPE_CHECKING:
    import torch


class AveragePrecision(Ranking):
    """Area under the precision-recall curve, in steps: how pure the highest scores are of a class.

    Formula: sum over thresholds of (recall - recall before) precision

    Convention: of two classes, for the second; of more, the mean over each class against the rest
    (macro). Scores are the probabilities, or the outputs where the loss gives none. Not defined,
    NaN, where the split lacks a class. With more than two classes it is computed only where a job
    chooses or stops by it.

    Reference: sklearn.metrics.average_precision_score
    """

    kind: Literal["average_precision"] = "average_precision"

    def of(self, curve: Curve) -> torch.Tensor:
        answered_RN = (curve.hits_RN + curve.misses_RN).clamp(min=1)
        gained_RN = curve.hits_RN - curve.hits_before_RN
        precise_RN = gained_RN * (curve.hits_RN.double() / answered_RN)
        return precise_RN.sum(1) / curve.hits_RN[:, -1]
