from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.losses.loss import Loss
from core.tensors import torch
from core.term import Knob, Knobs, Task


class Quantile(Loss):
    """Pinball loss, whose minimum is a quantile of the target rather than its mean.

    Formula: max(q e, (q - 1) e); e = target - prediction

    Convention: q 0.5 is half of mae, and its minimum the median.

    Reference: Koenker and Bassett 1978; sklearn.linear_model.QuantileRegressor
    """

    kind: Literal["quantile"] = "quantile"
    q: Annotated[
        float, Knob(gt=0, lt=1), Field(description="share of targets below the prediction")
    ] = 0.5
    tasks: ClassVar[tuple[Task, ...]] = ("regression",)

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({}, {"q": 0.05}, {"q": 0.9})

    def reference(self, prediction_BO: torch.Tensor, target_B: torch.Tensor) -> torch.Tensor:
        short_BO = target_B - prediction_BO
        tilted_BO = torch.where(short_BO > 0, self.q * short_BO, (self.q - 1) * short_BO)
        return torch.where(short_BO == 0, 0, tilted_BO).mean(-1)

    def rows(
        self, prediction_RBO: torch.Tensor, target_RB: torch.Tensor, knobs: Knobs
    ) -> torch.Tensor:
        q_R11 = knobs.q[:, None, None]
        error = target_RB - prediction_RBO
        return (q_R11 * torch.relu(error) + (1 - q_R11) * torch.relu(-error)).mean(-1)
