from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from core.regularizers.regularizer import Noise, Pull
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch

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

    @property
    def draws(self) -> str:
        return "noise"  # as when there was one kind: what a run draws is a function of this

    def disturb(
        self, h_RB: torch.Tensor, u_RB: torch.Tensor, knobs: Knobs
    ) -> tuple[torch.Tensor, Pull]:
        scale_RB = kept(u_RB, knobs.p)
        return h_RB * scale_RB, lambda dy: dy.mul_(scale_RB)


def kept(u_RB: torch.Tensor, p_R: torch.Tensor) -> torch.Tensor:
    """The factor of each unit, from uniform draws (R, B, ...): 1 / (1 - p) where u >= p, else 0."""
    p = p_R.view(-1, *[1] * (u_RB.dim() - 1))
    return (u_RB >= p).to(u_RB.dtype).mul_(1 / (1 - p))
