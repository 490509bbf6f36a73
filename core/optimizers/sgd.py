from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.optimizers.optimizer import SMALLEST, LearningRate, Optimizer, State
from core.term import Knob, Knobs, Range

if TYPE_CHECKING:
    import torch


class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum.

    Formula: b <- momentum b + g; w <- w - lr b (nesterov: w - lr (g + momentum b))

    Convention: no dampening, as torch. A proximal step's displacement enters b, so that momentum
    extrapolates the iterates themselves and the fixed point is the penalised optimum whatever the
    momentum (iPiano). Nesterov has no such form and offers no proximal step.

    Reference: torch.optim.SGD; Ochs et al. 2014, iPiano
    """

    kind: Literal["sgd"] = "sgd"
    lr: LearningRate = 0.1
    momentum: Annotated[float, Knob(ge=0, lt=1), Field(description="share of b kept")] = 0.0
    nesterov: bool = False

    @model_validator(mode="after")
    def _nesterov_needs_momentum(self) -> Self:
        momentum: object = self.momentum  # before it is resolved it may be a range
        values = momentum.grid() if isinstance(momentum, Range) else (momentum,)
        if self.nesterov and 0 in values:
            raise PydanticCustomError(
                "nesterov", "nesterov needs a momentum above 0; set momentum, e.g. 0.9"
            )
        return self

    @property
    def no_prox(self) -> str | None:
        if self.nesterov:
            return "sgd with nesterov has no proximal step; set nesterov to false"
        return None

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return (
            {"lr": 0.1},
            {"lr": 0.03, "momentum": 0.5},
            {"lr": 0.01, "momentum": 0.9},
            {"lr": 0.1, "momentum": 0.1, "nesterov": True},
            {"lr": 0.05, "momentum": 0.9, "nesterov": True},
        )

    def reference(
        self, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
    ) -> torch.optim.Optimizer:
        import torch

        return torch.optim.SGD(
            [*weights, *others], lr=self.lr, momentum=self.momentum, nesterov=self.nesterov
        )

    def states(self) -> tuple[str, ...]:
        return ("momentum",)

    def step(
        self,
        w_RP: torch.Tensor,
        grad_RP: torch.Tensor,
        state: State,
        knobs: Knobs,
        lr_R1: torch.Tensor,
        t: int | torch.Tensor,
    ) -> torch.Tensor:
        momentum_R1 = knobs.momentum[:, None]
        buffer_RP = state["momentum"].mul_(momentum_R1).add_(grad_RP)
        if self.nesterov:
            buffer_RP = grad_RP.addcmul_(buffer_RP, momentum_R1)
        w_RP.addcmul_(buffer_RP, lr_R1, value=-1)
        return lr_R1

    def absorb(self, moved_RP: torch.Tensor, state: State, lr_R1: torch.Tensor) -> None:
        state["momentum"].addcdiv_(moved_RP, lr_R1.clamp_min(SMALLEST))
