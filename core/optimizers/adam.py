from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.optimizers.optimizer import LearningRate, Optimizer, State
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch

Beta = Annotated[float, Knob(ge=0, lt=1)]
Epsilon = Annotated[float, Knob(gt=0), Field(description="added to the root, as torch")]


class Adam(Optimizer):
    """Adam: steps scaled by running moments of each gradient.

    Formula: m <- b1 m + (1 - b1) g; v <- b2 v + (1 - b2) g^2;
    w <- w - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    Convention: an l2 penalty enters g and is rescaled like it; use weight_decay for decay that is
    not. Proximal steps use Adam's own diagonal metric lr / (sqrt(v) + eps).

    Reference: Kingma and Ba 2015; torch.optim.Adam; Yun et al. 2021, ProxGen
    """

    kind: Literal["adam"] = "adam"
    lr: LearningRate = 0.001
    beta1: Beta = 0.9
    beta2: Beta = 0.999
    eps: Epsilon = 1e-8

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return (
            {"lr": 0.1},
            {"lr": 0.03, "beta1": 0.0, "beta2": 0.9},
            {"lr": 0.01, "beta1": 0.5, "beta2": 0.0, "eps": 0.1},
        )

    def reference(
        self, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
    ) -> torch.optim.Optimizer:
        import torch

        betas = (self.beta1, self.beta2)
        return torch.optim.Adam([*weights, *others], lr=self.lr, betas=betas, eps=self.eps)

    def states(self) -> tuple[str, ...]:
        return ("first_moment", "second_moment")

    def step(
        self,
        w_RP: torch.Tensor,
        grad_RP: torch.Tensor,
        state: State,
        knobs: Knobs,
        lr_R1: torch.Tensor,
        t: int | torch.Tensor,
    ) -> torch.Tensor:
        beta1_R1, beta2_R1 = knobs.beta1[:, None], knobs.beta2[:, None]
        m_RP, v_RP = state["first_moment"], state["second_moment"]
        m_RP.lerp_(grad_RP, 1 - beta1_R1)
        v_RP.mul_(beta2_R1).addcmul_(grad_RP.mul_(grad_RP), 1 - beta2_R1)
        root_RP = (v_RP / (1 - beta2_R1**t)).sqrt_().add_(knobs.eps[:, None])
        step_RP = root_RP.reciprocal_().mul_(lr_R1)
        w_RP.addcmul_(m_RP / (1 - beta1_R1**t), step_RP, value=-1)
        return step_RP


class AdamW(Adam):
    """Adam with decoupled weight decay.

    Formula: w <- w - lr weight_decay w, then Adam's step

    Convention: biases and norm scales do not decay, unlike torch's default of decaying everything.

    Reference: Loshchilov and Hutter 2019; torch.optim.AdamW
    """

    kind: Literal["adamw"] = "adamw"  # type: ignore[assignment]  # a leaf's kind is its own
    weight_decay: Annotated[
        float, Knob(ge=0, simpler="high"), Field(description="decoupled decay")
    ] = 0.01

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return (
            {"lr": 0.1, "weight_decay": 0.0},
            {"lr": 0.03},
            {"lr": 0.05, "weight_decay": 0.7, "beta1": 0.5},
        )

    def reference(
        self, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
    ) -> torch.optim.Optimizer:
        import torch

        return torch.optim.AdamW(
            [
                {"params": weights, "weight_decay": self.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=self.lr,
            betas=(self.beta1, self.beta2),
            eps=self.eps,
        )

    def decay(self, knobs: Knobs) -> torch.Tensor:
        return knobs.weight_decay
