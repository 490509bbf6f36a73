from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.regularizers.regularizer import Penalty
from core.term import Knobs

if TYPE_CHECKING:
    import torch


class L2(Penalty):
    """Ridge penalty: shrinks weights towards zero, none of them to it.

    Formula: lambda * 1/2 sum w^2

    Convention: with the factor 1/2, so the gradient is lambda w; strength s in the convention
    without 1/2 is lambda = 2 s here. It enters the gradient, so adaptive optimizers rescale it:
    under Adam it is not weight_decay. With mse, scikit-learn's Ridge alpha is lambda n / 2.

    Reference: Hoerl and Kennard 1970
    """

    kind: Literal["l2"] = "l2"

    def value(self, w_RK: torch.Tensor, knobs: Knobs) -> torch.Tensor:
        return 0.5 * w_RK.square().sum(1)

    def add_gradient(self, grad_RK: torch.Tensor, w_RK: torch.Tensor, knobs: Knobs) -> None:
        grad_RK.addcmul_(w_RK, knobs.lam[:, None])
