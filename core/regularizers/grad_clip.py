from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from core.regularizers.passes import GradientChange, Pass, Plain, States
from core.tensors import torch
from core.term import Knob, Knobs

TINY = 1e-6  # as torch: a gradient of zero has nothing to scale


class GradClip(GradientChange):
    """Gradient clipping: a gradient longer than a bound is scaled down to it.

    Formula: g <- g min(1, norm / (|g|_2 + 1e-6)), over all trained numbers of a run

    Convention: g is of the data term and of the penalties that enter the gradient, biases and norm
    scales among its numbers; proximal steps and decay come after. grad_norm is logged before it.

    Reference: Pascanu et al. 2013; torch.nn.utils.clip_grad_norm_
    """

    kind: Literal["grad_clip"] = "grad_clip"
    norm: Annotated[
        float,
        Knob(gt=0, neutral=math.inf, simpler="low"),
        Field(description="largest 2-norm of a gradient"),
    ] = 1.0

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"norm": 0.1}, {"norm": 1.0}, {"norm": 1e9})

    def on_gradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        norm_R1 = torch.linalg.vector_norm(at.grad, dim=1, keepdim=True)
        at.grad.mul_((knobs.norm[:, None] / (norm_R1 + TINY)).clamp_max_(1.0))

    def reference(self, plain: Plain) -> None:
        torch.nn.utils.clip_grad_norm_(plain.weights, self.norm)
