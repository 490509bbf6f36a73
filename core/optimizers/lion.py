from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.optimizers.optimizer import LearningRate, Optimizer, State
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch


class Lion(Optimizer):
    """Lion: every weight moves by the learning rate, in the direction of a momentum's sign.

    Formula: w <- w - lr sign(b1 m + (1 - b1) g); m <- b2 m + (1 - b2) g

    Convention: its learning rates are 3 to 10 times smaller than Adam's. Decay is decoupled, of
    weights only. A sign has no metric, so proximal penalties have no step here.

    Reference: Chen et al. 2023, "Symbolic discovery of optimization algorithms"
    """

    kind: Literal["lion"] = "lion"
    lr: LearningRate = 0.0003
    beta1: Annotated[float, Knob(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Knob(ge=0, lt=1)] = 0.99
    weight_decay: Annotated[
        float, Knob(ge=0, simpler="high"), Field(description="decoupled decay")
    ] = 0.0

    @property
    def no_prox(self) -> str | None:
        return "lion steps by signs and has no proximal step; use adam, rmsprop or sgd"

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return (
            {"lr": 0.01},
            {"lr": 0.003, "beta1": 0.0, "beta2": 0.5},
            {"lr": 0.01, "weight_decay": 0.7},
        )

    def reference(
        self, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
    ) -> torch.optim.Optimizer:
        return _written_out(self, weights, others)

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
        m_RP = state["momentum"]
        toward_RP = m_RP.lerp(grad_RP, 1 - knobs.beta1[:, None]).sign_()
        w_RP.addcmul_(toward_RP, lr_R1, value=-1)
        m_RP.lerp_(grad_RP, 1 - knobs.beta2[:, None])
        return lr_R1

    def decay(self, knobs: Knobs) -> torch.Tensor:
        return knobs.weight_decay


def _written_out(
    lion: Lion, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
) -> torch.optim.Optimizer:
    """The paper's Algorithm 2, one tensor at a time: torch has no Lion."""
    import torch

    class Written(torch.optim.Optimizer):
        @torch.no_grad()
        def step(self, closure: Any = None) -> None:  # type: ignore[override]  # as torch's own
            for group in self.param_groups:
                for w in group["params"]:
                    m = self.state[w].setdefault("m", torch.zeros_like(w))
                    update = lion.beta1 * m + (1 - lion.beta1) * w.grad
                    w -= group["lr"] * (torch.sign(update) + group["weight_decay"] * w)
                    m.mul_(lion.beta2).add_((1 - lion.beta2) * w.grad)

    groups = [
        {"params": weights, "weight_decay": lion.weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
    return Written(groups, {"lr": lion.lr})
