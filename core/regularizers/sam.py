from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field

from core.regularizers.passes import Pass, Plain, Regradient, States
from core.tensors import torch
from core.term import Knob, Knobs

TINY = 1e-12  # a gradient of zero has no direction


class Sam(Regradient):
    """Sharpness-aware minimisation: the gradient where the loss is highest nearby.

    Formula: g <- grad L(w + rho g / |g|_2), at the same minibatch and the same dropout masks

    Convention: L is the data term; penalties are taken at w itself, as the paper has it. The norm
    is over all trained numbers, biases among them. train_loss is of the first pass, at w;
    grad_norm of the second. A step costs two.

    Reference: Foret et al. 2021, Sharpness-Aware Minimization
    """

    kind: Literal["sam"] = "sam"
    rho: Annotated[
        float,
        Knob(ge=0, neutral=0.0, simpler="high"),
        Field(description="how far from the weights, in their 2-norm"),
    ] = 0.05

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:
        return ({"rho": 0.05}, {"rho": 0.5}, {"rho": 0.0})

    @property
    def passes(self) -> int:
        return 1

    def regradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        here = at.w.clone()
        norm_R1 = torch.linalg.vector_norm(at.grad, dim=1, keepdim=True).clamp_min_(TINY)
        at.w.add_(at.grad * (knobs.rho[:, None] / norm_R1))
        at.gradient()
        at.w.copy_(here)

    def reference(self, plain: Plain) -> None:
        here = [w.detach().clone() for w in plain.weights]
        gradients = [w.grad for w in plain.weights if w.grad is not None]
        norm = torch.cat([g.flatten() for g in gradients]).norm()
        with torch.no_grad():
            for w, g in zip(plain.weights, gradients, strict=True):
                w += self.rho * g / norm
        for w in plain.weights:
            w.grad = None
        plain.loss(plain.x_B).backward()
        with torch.no_grad():
            for w, before in zip(plain.weights, here, strict=True):
                w.copy_(before)
