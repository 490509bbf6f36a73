from __future__ import annotations

from typing import ClassVar, Literal

from core.metrics.metric import Metric
from core.metrics.ranking import curves
from core.tensors import torch
from core.term import Task


class RocAuc(Metric):
    """Area under the ROC curve: how often a class's example is scored above another's.

    Formula: mean over pairs (one of the class, one of the rest) of [s > s'] + [s = s'] / 2

    Convention: of two classes, the second against the first; of more, the mean over each class
    against the rest (macro). Scores are the probabilities, or the outputs where the loss gives
    none. Not defined, NaN, where the split lacks a class or has nothing else. With more than two
    classes it is computed only where a job chooses or stops by it.

    Reference: sklearn.metrics.roc_auc_score with multi_class="ovr"
    """

    kind: Literal["roc_auc"] = "roc_auc"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    every_epoch: ClassVar[bool] = False

    def dear(self, classes: int) -> bool:
        return classes > 2  # a sort for each class

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        found = []
        for c in curves(prediction_RNO, target_RN, present_RN, probabilities_RNC):
            ranked_RN = (c.misses_RN - c.misses_before_RN) * (c.hits_RN + c.hits_before_RN)
            pairs_R = 2 * c.hits_RN[:, -1] * c.misses_RN[:, -1]
            found.append(ranked_RN.sum(1).double() / pairs_R)
        return torch.stack(found).mean(0).float()
