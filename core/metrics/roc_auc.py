from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.metrics.ranking import Curve, Ranking

if TYPE_CHECKING:
    import torch


class RocAuc(Ranking):
    """Area under the ROC curve: how often a class's example is scored above another's.

    Formula: mean over pairs (one of the class, one of the rest) of [s > s'] + [s = s'] / 2

    Convention: of two classes, the second against the first; of more, the mean over each class
    against the rest (macro). Scores are the probabilities, or the outputs where the loss gives
    none. Not defined, NaN, where the split lacks a class or has nothing else. With more than two
    classes it is computed only where a job chooses or stops by it.

    Reference: sklearn.metrics.roc_auc_score with multi_class="ovr"
    """

    kind: Literal["roc_auc"] = "roc_auc"

    def of(self, curve: Curve) -> torch.Tensor:
        misses_RN = curve.misses_RN - curve.misses_before_RN
        ranked_RN = misses_RN * (curve.hits_RN + curve.hits_before_RN)
        pairs_R = 2 * curve.hits_RN[:, -1] * curve.misses_RN[:, -1]
        return ranked_RN.sum(1).double() / pairs_R
