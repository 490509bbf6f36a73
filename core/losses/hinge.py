from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.losses.loss import Loss
from core.tensors import torch
from core.term import Knob, Knobs, Task


class Hinge(Loss):
    """Hinge loss over all classes: the true class's output should lead each other by a margin.

    Formula: 1/C sum_{c != y} max(0, margin - z_y + z_c)

    Convention: as torch, the mean over all C classes. Outputs are scores, not logits: they have no
    probabilities.

    Reference: Crammer and Singer 2001; torch.nn.MultiMarginLoss(reduction="none")
    """

    kind: Literal["hinge"] = "hinge"
    margin: Annotated[float, Knob(gt=0), Field(description="lead that costs nothing")] = 1.0
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"margin": 0.1}, {"margin": 3.0})

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        loss_B: torch.Tensor = torch.nn.functional.multi_margin_loss(
            prediction_BO, target_B, margin=self.margin, reduction="none"
        )
        return loss_B

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        index = target_RB.unsqueeze(-1)
        short = knobs.margin[:, None, None] - prediction_RBO.gather(-1, index) + prediction_RBO
        others = torch.ones_like(short).scatter_(-1, index, 0)
        return (torch.relu(short) * others).mean(-1)
