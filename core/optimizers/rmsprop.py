from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.optimizers.optimizer import SMALLEST, LearningRate, Optimizer, State
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch


class RmsProp(Optimizer):
    """RMSprop: steps scaled by a running mean of squared gradients.

    Formula: v <- a v + (1 - a) g^2; b <- momentum b + g / (sqrt(v) + eps); w <- w - lr b

    Convention: not centred; eps outside the root, as torch. Proximal steps use the diagonal
    metric lr / (sqrt(v) + eps).

    Reference: Tieleman and Hinton 2012; torch.optim.RMSprop
    """

    kind: Literal["rmsprop"] = "rmsprop"
    lr: LearningRate = 0.01
    alpha: Annotated[float, Knob(ge=0, lt=1), Field(description="smoothing of squares")] = 0.99
    momentum: Annotated[float, Knob(ge=0, lt=1)] = 0.0
    eps: Annotated[float, Knob(gt=0)] = 1e-8

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return (
            {"lr": 0.01},
            {"lr": 0.003, "momentum": 0.5, "alpha": 0.5},
            {"lr": 0.001, "momentum": 0.9, "alpha": 0.0, "eps": 1e-2},
        )

    def reference(
        self, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
    ) -> torch.optim.Optimizer:
        import torch

        return torch.optim.RMSprop(
            [*weights, *others],
            lr=self.lr,
            alpha=self.alpha,
            momentum=self.momentum,
            eps=self.eps,
        )

    def states(self) -> tuple[str, ...]:
        return ("second_moment", "momentum")

    def step(
        self,
        w_RP: torch.Tensor,
        grad_RP: torch.Tensor,
        state: State,
        knobs: Knobs,
        lr_R1: torch.Tensor,
        t: int | torch.Tensor,
    ) -> torch.Tensor:
        alpha_R1 = knobs.alpha[:, None]
        v_RP = state["second_moment"].mul_(alpha_R1).addcmul_(grad_RP * grad_RP, 1 - alpha_R1)
        scale_RP = v_RP.sqrt().add_(knobs.eps[:, None]).reciprocal_()
        buffer_RP = state["momentum"].mul_(knobs.momentum[:, None]).addcmul_(grad_RP, scale_RP)
        w_RP.addcmul_(buffer_RP, lr_R1, value=-1)
        return scale_RP.mul_(lr_R1)

    def absorb(self, moved_RP: torch.Tensor, state: State, lr_R1: torch.Tensor) -> None:
        state["momentum"].addcdiv_(moved_RP, lr_R1.clamp_min(SMALLEST))
