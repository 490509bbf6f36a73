from __future__ import annotations

from typing import ClassVar, Literal

from core.metrics.metric import Metric, count_present
from core.tensors import torch
from core.term import Task

BINS = 15  # as in the reference


class ExpectedCalibrationError(Metric):
    """Expected calibration error: how far confidence is from the share that is right.

    Formula: sum over 15 equal bins of (n_bin / n) |mean confidence - accuracy|

    Convention: bins are (k/15, (k+1)/15] of the largest probability; NaN where the loss gives none.

    Reference: Guo et al. 2017, On Calibration of Modern Neural Networks
    """

    kind: Literal["ece"] = "ece"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "min"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    of_probabilities: ClassVar[bool] = True
    every_epoch: ClassVar[bool] = False

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        p_RNC = probabilities_RNC
        if p_RNC is None:
            return torch.full(prediction_RNO.shape[:1], torch.nan, device=prediction_RNO.device)
        confidence_RN, guess_RN = p_RNC.max(-1)
        gap_RN = confidence_RN - (guess_RN == target_RN).float()
        if present_RN is not None:
            gap_RN = torch.where(present_RN > 0, gap_RN, 0.0)
        bin_RN = (confidence_RN * BINS).ceil().long().sub(1).clamp(0, BINS - 1)
        gap_RK = torch.zeros(len(gap_RN), BINS, device=gap_RN.device)
        gap_RK.scatter_add_(1, bin_RN, gap_RN)
        return gap_RK.abs().sum(1) / count_present(gap_RN, present_RN)
