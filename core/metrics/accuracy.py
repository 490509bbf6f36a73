from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from core.metrics.metric import Metric, decide
from core.term import Task

if TYPE_CHECKING:
    import torch


class Accuracy(Metric):
    """Share of examples whose largest output is the true class.

    Formula: mean of [argmax z = y]

    Convention: a single output says class 1 when it is positive. A fraction, not per cent.

    Reference: sklearn.metrics.accuracy_score
    """

    kind: Literal["accuracy"] = "accuracy"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    share: ClassVar[bool] = True

    def rows(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        return (decide(prediction_RNO) == target_RN).float()

    def of_counts(self, count_X22: torch.Tensor) -> torch.Tensor:
        return (count_X22[..., 0, 0] + count_X22[..., 1, 1]) / count_X22.sum((-2, -1))
