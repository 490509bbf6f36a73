from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from core.regularizers.regularizer import Decay, Lambda
from core.term import Knobs

if TYPE_CHECKING:
    import torch


class WeightDecay(Decay):
    """Decoupled weight decay: shrinks weights beside the gradient step.

    Formula: w <- w - lr lambda w, before the gradient step; not part of J

    Convention: scaled by the scheduled learning rate, as AdamW. Under plain SGD it equals the l2
    penalty; under momentum or Adam it does not. Biases and norm scales are exempt.

    Reference: Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization
    """

    kind: Literal["weight_decay"] = "weight_decay"
    lam: Lambda = 0.01

    def shrink(self, w_RK: torch.Tensor, lr_R1: torch.Tensor, knobs: Knobs) -> None:
        w_RK.mul_(1 - lr_R1 * knobs.lam[:, None])
