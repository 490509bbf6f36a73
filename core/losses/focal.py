from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.losses.loss import Loss
from core.tensors import torch
from core.term import Knob, Knobs, Task


class Focal(Loss):
    """Focal loss: cross-entropy that turns away from examples which are already well classified.

    Formula: -(1 - p_y)^gamma log p_y, p = softmax(z)

    Convention: gamma 0 is cross-entropy. No class weights: they are cross_entropy's.

    Reference: Lin et al. 2017, "Focal loss for dense object detection"
    """

    kind: Literal["focal"] = "focal"
    gamma: Annotated[
        float,
        Knob(ge=0, le=10, simpler="low"),
        Field(description="how much less an example counts that is well classified"),
    ] = 2.0
    tasks: ClassVar[tuple[Task, ...]] = ("classification",)

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"gamma": 0.0}, {"gamma": 5.0})

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        exact_BO = prediction_BO.double()  # else 1 - p has no digits left where p is near 1
        plain_B = torch.nn.functional.cross_entropy(exact_BO, target_B, reduction="none")
        missed_B = 1 - torch.softmax(exact_BO, -1).gather(-1, target_B[:, None])[:, 0]
        return (missed_B**self.gamma * plain_B).to(prediction_BO.dtype)

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        index = target_RB.unsqueeze(-1)
        log_p = torch.log_softmax(prediction_RBO, -1)
        hit_RB = log_p.gather(-1, index).squeeze(-1)
        # log(1 - p_y) by the other classes: 1 - p rounds to 0, where a power has no slope
        missed_RB = log_p.scatter(-1, index, -torch.inf).logsumexp(-1)
        return -torch.exp(knobs.gamma[:, None] * missed_RB) * hit_RB

    def probabilities(self, prediction_RBO: torch.Tensor) -> torch.Tensor:
        return torch.softmax(prediction_RBO, -1)
