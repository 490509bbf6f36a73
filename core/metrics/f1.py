from __future__ import annotations

from typing import ClassVar, Literal

from core.metrics.metric import Metric, decide
from core.tensors import torch
from core.term import Task


class MacroF1(Metric):
    """Mean over classes of F1, the harmonic mean of a class's precision and recall.

    Formula: mean over classes c of 2 hits_c / (examples with y = c + answers of c)

    Convention: unweighted (macro); a class that is neither present nor answered does not count.

    Reference: sklearn.metrics.f1_score with average="macro"
    """

    kind: Literal["f1"] = "f1"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    every_epoch: ClassVar[bool] = False

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        classes = max(prediction_RNO.shape[-1], 2)  # one output alone tells two classes apart
        said_RN = decide(prediction_RNO)
        there_RN = torch.ones((), device=target_RN.device).expand(target_RN.shape)
        if present_RN is not None:
            there_RN = (present_RN > 0).float()
        # float counts are exact, in whatever order a device adds them
        whole_RC = torch.zeros(len(target_RN), classes, device=target_RN.device)
        hits_RC = torch.zeros_like(whole_RC)
        whole_RC.scatter_add_(1, target_RN, there_RN).scatter_add_(1, said_RN, there_RN)
        hits_RC.scatter_add_(1, target_RN, there_RN * (said_RN == target_RN))
        return (2 * hits_RC / whole_RC.clamp(min=1)).sum(1) / (whole_RC > 0).sum(1)

    def of_counts(self, count_X22: torch.Tensor) -> torch.Tensor:
        whole_X2 = count_X22.sum(-1) + count_X22.sum(-2)
        hits_X2 = count_X22.diagonal(dim1=-2, dim2=-1)
        return (2 * hits_X2 / whole_X2.clamp(min=1)).sum(-1) / (whole_X2 > 0).sum(-1)
