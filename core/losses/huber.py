from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.losses.loss import Loss, as_values
from core.tensors import torch
from core.term import Knob, Knobs, Task


class Huber(Loss):
    """Huber loss: quadratic near zero, linear beyond delta, so that outliers pull less.

    Formula: 1/2 e^2 where |e| <= delta, else delta (|e| - delta / 2); e = prediction - target

    Convention: as torch, the quadratic part has the factor 1/2 that mse has not.

    Reference: torch.nn.HuberLoss(reduction="none"); Huber 1964
    """

    kind: Literal["huber"] = "huber"
    delta: Annotated[
        float, Knob(gt=0), Field(description="where the loss turns from quadratic to linear")
    ] = 1.0
    tasks: ClassVar[tuple[Task, ...]] = ("regression", "classification")

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"delta": 0.1}, {"delta": 7.5})

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        values_BO = as_values(target_B, prediction_BO)
        loss_BO: torch.Tensor = torch.nn.functional.huber_loss(
            prediction_BO, values_BO, reduction="none", delta=self.delta
        )
        return loss_BO.mean(-1)

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        delta_R11 = knobs.delta[:, None, None]
        error = (prediction_RBO - as_values(target_RB, prediction_RBO)).abs()
        quadratic = 0.5 * error.square()
        linear = delta_R11 * (error - 0.5 * delta_R11)
        return torch.where(error <= delta_R11, quadratic, linear).mean(-1)
