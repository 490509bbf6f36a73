from __future__ import annotations

from typing import ClassVar, Literal

from core.metrics.metric import Metric
from core.metrics.ranking import curves
from core.tensors import torch
from core.term import Task


class AveragePrecision(Metric):
    """Area under the precision-recall curve, in steps: how pure the highest scores are of a class.

    Formula: sum over thresholds of (recall - recall before) precision

    Convention: of two classes, for the second; of more, the mean over each class against the rest
    (macro). Scores are the probabilities, or the outputs where the loss gives none. Not defined,
    NaN, where the split lacks a class. With more than two classes it is computed only where a job
    chooses or stops by it.

    Reference: sklearn.metrics.average_precision_score
    """

    kind: Literal["average_precision"] = "average_precision"
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
            precision_RN = c.hits_RN.double() / (c.hits_RN + c.misses_RN).clamp(min=1)
            gained_RN = (c.hits_RN - c.hits_before_RN) * precision_RN
            found.append(gained_RN.sum(1) / c.hits_RN[:, -1])
        return torch.stack(found).mean(0).float()
