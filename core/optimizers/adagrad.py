from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.optimizers.optimizer import LearningRate, Optimizer, State
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch


class Adagrad(Optimizer):
    """Adagrad: steps scaled by the root of the sum of all squared gradients so far.

    Formula: v <- v + g^2; w <- w - lr g / (sqrt(v) + eps)

    Convention: the sum starts at 0; a schedule takes the place of torch's lr_decay. Proximal steps
    use the diagonal metric lr / (sqrt(v) + eps).

    Reference: Duchi, Hazan and Singer 2011; torch.optim.Adagrad
    """

    kind: Literal["adagrad"] = "adagrad"
    lr: LearningRate = 0.01
    eps: Annotated[float, Knob(gt=0), Field(description="added to the root, as torch")] = 1e-10

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"lr": 0.1}, {"lr": 0.3}, {"lr": 0.05, "eps": 0.1})

    def reference(
        self, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
    ) -> torch.optim.Optimizer:
        import torch

        return torch.optim.Adagrad([*weights, *others], lr=self.lr, eps=self.eps)

    def states(self) -> tuple[str, ...]:
        return ("sum",)

    def step(
        self,
        w_RP: torch.Tensor,
        grad_RP: torch.Tensor,
        state: State,
        knobs: Knobs,
        lr_R1: torch.Tensor,
        t: int | torch.Tensor,
    ) -> torch.Tensor:
        v_RP = state["sum"].addcmul_(grad_RP, grad_RP)
        step_RP = v_RP.sqrt().add_(knobs.eps[:, None]).reciprocal_().mul_(lr_R1)
        w_RP.addcmul_(grad_RP, step_RP, value=-1)
        return step_RP
