from __future__ import annotations

from typing import ClassVar, Literal

from core.losses.loss import Loss, as_values
from core.tensors import torch
from core.term import Knobs, Task


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy of the sigmoid of the network's outputs (logits).

    Formula: mean over outputs of max(z, 0) - z y + log(1 + exp(-|z|))

    Convention: two classes use one output; more classes use one output each, one against the rest.

    Reference: torch.nn.BCEWithLogitsLoss(reduction="none")
    """

    kind: Literal["bce"] = "bce"
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    def outputs(self, classes: int, targets: int) -> int:
        return 1 if classes == 2 else classes

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        values_BO = as_values(target_B, prediction_BO)
        loss_BO: torch.Tensor = torch.nn.functional.binary_cross_entropy_with_logits(
            prediction_BO, values_BO, reduction="none"
        )
        return loss_BO.mean(-1)

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        y_RBO = as_values(target_RB, prediction_RBO)
        bce = torch.nn.functional.binary_cross_entropy_with_logits
        return bce(prediction_RBO, y_RBO, reduction="none").mean(-1)

    def probabilities(self, prediction_RBO: torch.Tensor) -> torch.Tensor:
        if prediction_RBO.shape[-1] == 1:
            p_RB1 = torch.sigmoid(prediction_RBO)
            return torch.cat([1 - p_RB1, p_RB1], -1)
        # sigmoids over their sum, in logarithms: all may underflow where every output says no
        return torch.softmax(torch.nn.functional.logsigmoid(prediction_RBO), -1)
