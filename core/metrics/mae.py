from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, ClassVar, Literal

from core.metrics.metric import Metric
from core.term import Task

if TYPE_CHECKING:
    import torch


class MeanAbsoluteErrorMetric(Metric):
    """Mean absolute error in the units of the targets as trained (standardised unless told not to).

    Formula: mean over examples and outputs of |prediction - target|

    Reference: sklearn.metrics.mean_absolute_error
    """

    kind: Literal["mae"] = "mae"
    tasks: ClassVar[tuple[Task, ...]] = ("regression",)
    direction: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float, float]] = (0.0, inf)
    of_targets: ClassVar[bool] = True

    def rows(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        return (prediction_RNO - target_RN).abs().mean(-1)
