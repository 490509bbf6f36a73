from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.regularizers.regularizer import Noise
from core.tensors import torch
from core.term import Knob, Knobs

DropProbability = Annotated[
    float,
    Knob(ge=0, lt=1, neutral=0.0, simpler="high"),
    Field(description="probability that a unit is dropped"),
]


class Dropout(Noise):
    """Dropout after every hidden activation: each unit is zeroed with probability p.

    Formula: h m / (1 - p), m ~ Bernoulli(1 - p), while training; h at evaluation

    Convention: inverted, so evaluation needs no rescaling. Masks are a function of seed, layer and
    step: runs of one seed share the draws, and a larger p drops a superset of units.

    Reference: Srivastava et al. 2014; torch.nn.Dropout
    """

    kind: Literal["dropout"] = "dropout"
    p: DropProbability = 0.5

    def perturb(self, h_RB: torch.Tensor, u_RB: torch.Tensor, knobs: Knobs) -> torch.Tensor:
        return drop(h_RB, u_RB, knobs.p)


def drop(h_RB: torch.Tensor, u_RB: torch.Tensor, p_R: torch.Tensor) -> torch.Tensor:
    """h where u >= p, scaled by 1 / (1 - p), else 0; h and u are (R, B, ...)."""
    p = p_R.view(-1, *[1] * (h_RB.dim() - 1))
    return h_RB * torch.where(u_RB >= p, 1 / (1 - p), 0.0)
