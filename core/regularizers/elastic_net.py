from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.regularizers.l1 import soft_threshold
from core.regularizers.regularizer import Method, Penalty
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch


class ElasticNet(Penalty):
    """Elastic net: lasso's zeros, with ridge's even treatment of correlated features.

    Formula: lambda * (a sum |w| + (1 - a) 1/2 sum w^2), a = l1_ratio

    Convention: as glmnet and scikit-learn weigh the two. The L1 part is proximal by default
    and so gives exact zeros; the L2 part enters the gradient. With mse, scikit-learn's ElasticNet
    alpha is lambda / 2.

    Reference: Zou and Hastie 2005
    """

    kind: Literal["elastic_net"] = "elastic_net"
    l1_ratio: Annotated[
        float,
        Knob(ge=0, le=1, neutral=0.5, simpler="high"),
        Field(description="share of the penalty that is L1"),
    ] = 0.5
    method: Method = "proximal"

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"l1_ratio": 0.5}, {"l1_ratio": 0.2}, {"l1_ratio": 1.0})

    @property
    def proximal(self) -> bool:
        return self.method == "proximal"

    def value(self, w_RK: torch.Tensor, knobs: Knobs) -> torch.Tensor:
        l1, l2 = w_RK.abs().sum(1), 0.5 * w_RK.square().sum(1)
        return knobs.l1_ratio * l1 + (1 - knobs.l1_ratio) * l2

    def add_gradient(self, grad_RK: torch.Tensor, w_RK: torch.Tensor, knobs: Knobs) -> None:
        grad_RK.addcmul_(w_RK, (knobs.lam * (1 - knobs.l1_ratio))[:, None])
        if not self.proximal:
            grad_RK.addcmul_(w_RK.sign(), (knobs.lam * knobs.l1_ratio)[:, None])

    def prox(self, w_RK: torch.Tensor, step_R1: torch.Tensor, knobs: Knobs) -> torch.Tensor:
        return soft_threshold(w_RK, step_R1 * (knobs.lam * knobs.l1_ratio)[:, None])
