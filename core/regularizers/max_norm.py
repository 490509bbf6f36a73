from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from core.regularizers.regularizer import Constraint
from core.term import Knob, Knobs

if TYPE_CHECKING:
    import torch

TINY = 1e-12  # a unit whose weights are all zero has nothing to scale


class MaxNorm(Constraint):
    """Max-norm constraint: the weights into each unit stay inside a ball.

    Formula: w_u <- w_u min(1, c / |w_u|_2) after every step, for every unit u

    Convention: the norm is over a unit's incoming weights, its bias not among them.

    Reference: Srebro and Shraibman 2005; keras.constraints.MaxNorm(axis=0)
    """

    kind: Literal["max_norm"] = "max_norm"
    c: Annotated[
        float, Knob(gt=0, neutral=math.inf, simpler="low"), Field(description="largest norm")
    ] = 3.0

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"c": 0.5}, {"c": 3.0}, {"c": 100.0})

    def project(self, w: torch.Tensor, fan_in: tuple[int, ...], knobs: Knobs) -> None:
        norm = w.square().sum(fan_in, keepdim=True).sqrt_().clamp_min_(TINY)
        c = knobs.c.view(-1, *[1] * (w.dim() - 1))
        w.mul_((c / norm).clamp_max_(1.0))
