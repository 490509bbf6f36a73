from __future__ import annotations

from typing import ClassVar, Literal

from core.metrics.metric import Metric, decide
from core.tensors import torch
from core.term import Task


class BalancedAccuracy(Metric):
    """Mean over classes of the share of a class's examples that are recognised.

    Formula: mean over classes c present of (mean over examples with y = c of [argmax z = c])

    Convention: classes without an example in the split do not count. A fraction, not per cent; a
    model that always gives the same answer scores 1 / number of classes.

    Reference: sklearn.metrics.balanced_accuracy_score
    """

    kind: Literal["balanced_accuracy"] = "balanced_accuracy"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    share: ClassVar[bool] = True

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        classes = max(prediction_RNO.shape[-1], 2)  # one output alone tells two classes apart
        right_RN = decide(prediction_RNO) == target_RN
        # one bin per class and outcome, so that one pass counts both
        bin_RN = 2 * target_RN + right_RN
        there_RN = torch.ones((), device=target_RN.device).expand(target_RN.shape)
        if present_RN is not None:
            there_RN = (present_RN > 0).float()
        # float counts are exact, in whatever order a device adds them
        count_RK = torch.zeros(len(target_RN), 2 * classes, device=target_RN.device)
        count_RK.scatter_add_(1, bin_RN, there_RN)
        right_RC = count_RK[:, 1::2]
        whole_RC = right_RC + count_RK[:, ::2]
        recall_RC = right_RC / whole_RC.clamp(min=1)
        return recall_RC.sum(1) / (whole_RC > 0).sum(1)

    def of_counts(self, count_X22: torch.Tensor) -> torch.Tensor:
        whole_X2 = count_X22.sum(-1)
        right_X2 = count_X22.diagonal(dim1=-2, dim2=-1)
        return (right_X2 / whole_X2.clamp(min=1)).sum(-1) / (whole_X2 > 0).sum(-1)
