from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.regularizers.regularizer import Method, Penalty
from core.term import Knobs

if TYPE_CHECKING:
    import torch


class L1(Penalty):
    """Lasso penalty: drives weights to exactly zero.

    Formula: lambda * sum |w|

    Convention: method "proximal" (default) soft-thresholds by step * lambda after the gradient
    step, in the optimizer's own metric, so zero means == 0.0. "subgradient" adds lambda * sign(w)
    to the gradient and gives no exact zeros. With mse, scikit-learn's Lasso alpha is lambda / 2.

    Reference: Tibshirani 1996; Parikh and Boyd 2014, Proximal Algorithms, 6.5.2
    """

    kind: Literal["l1"] = "l1"
    method: Method = "proximal"

    @property
    def proximal(self) -> bool:
        return self.method == "proximal"

    def value(self, w_RK: torch.Tensor, knobs: Knobs) -> torch.Tensor:
        return w_RK.abs().sum(1)

    def add_gradient(self, grad_RK: torch.Tensor, w_RK: torch.Tensor, knobs: Knobs) -> None:
        if not self.proximal:
            grad_RK.addcmul_(w_RK.sign(), knobs.lam[:, None])

    def prox(self, w_RK: torch.Tensor, step_R1: torch.Tensor, knobs: Knobs) -> torch.Tensor:
        return soft_threshold(w_RK, step_R1 * knobs.lam[:, None])


def soft_threshold(w_RK: torch.Tensor, t_R1: torch.Tensor) -> torch.Tensor:
    """w <- sign(w) max(|w| - t, 0), in place: w less its projection onto [-t, t], returned."""
    moved_RK = w_RK.clamp(-t_R1, t_R1)
    w_RK.sub_(moved_RK)
    return moved_RK
