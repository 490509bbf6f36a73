"""The family of regularizers, and one abstract class for each place where one can act.

    Penalty      adds lambda * R(w) to the objective: a gradient, a proximal step, or both
    Decay        shrinks the weights beside the gradient step, outside the objective
    Constraint   projects the weights back into a set after each step
    Noise        perturbs hidden activations while training
    Target       changes what the loss is asked to fit
    Procedure    changes how long or on what training runs

A cohort holds runs with different regularizers: each *slot* (kind and structure) is present for
all of them, at its neutral value for those that lack it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from core.term import Knob, Knobs, Term

if TYPE_CHECKING:
    import torch

Lambda = Annotated[
    float,
    Knob(ge=0, neutral=0.0, simpler="high"),
    Field(alias="lambda", description="strength; 0 is none"),
]
Method = Annotated[
    Literal["proximal", "subgradient"],
    Field(description="proximal gives exact zeros; subgradient gives none"),
]


class Regularizer(Term):
    """Anything meant to make a model generalise better."""

    family: ClassVar[str] = "regularizer"
    hook: ClassVar[str]


class Penalty(Regularizer):
    """lambda * R(w), summed over the penalised weights: w has shape (R, K).

    `knobs.lam` is (R,). Padding in K is zero and must stay zero.
    """

    hook: ClassVar[str] = "penalty"
    lam: Lambda = 0.01
    biases: Annotated[bool, Field(description="penalise biases too")] = False

    @property
    def proximal(self) -> bool:
        """Whether the optimizer must offer a proximal step."""
        return False

    @abstractmethod
    def value(self, w_RK: torch.Tensor, knobs: Knobs) -> torch.Tensor:
        """R(w), shape (R,), without lambda."""

    @abstractmethod
    def add_gradient(self, grad_RK: torch.Tensor, w_RK: torch.Tensor, knobs: Knobs) -> None:
        """grad += lambda * dR/dw, in place; only the smooth part where the rest is proximal."""

    def prox(self, w_RK: torch.Tensor, step_R1: torch.Tensor, knobs: Knobs) -> torch.Tensor | None:
        """w <- argmin_u 1/2 |u - w|^2 / step + lambda R(u), in place; step (R, 1) or (R, K).

        Returns what was taken from w.
        """
        return None


class Decay(Regularizer):
    """Shrinks weights directly, whatever the optimizer makes of gradients."""

    hook: ClassVar[str] = "decay"

    @abstractmethod
    def shrink(self, w_RK: torch.Tensor, lr_R1: torch.Tensor, knobs: Knobs) -> None:
        """In place, before the gradient step."""


class Constraint(Regularizer):
    """A set that the weights of each layer may not leave."""

    hook: ClassVar[str] = "constraint"

    @abstractmethod
    def project(self, w: torch.Tensor, fan_in: tuple[int, ...], knobs: Knobs) -> None:
        """One weight tensor (R, ...), in place; `fan_in` are the axes that feed one unit."""


class Noise(Regularizer):
    """A layer put after every hidden activation, acting while training and not at evaluation."""

    hook: ClassVar[str] = "noise"


class Target(Regularizer):
    """Sets a knob of the loss."""

    hook: ClassVar[str] = "target"
    loss_kinds: ClassVar[tuple[str, ...]]
    loss_knob: ClassVar[str]

    @property
    @abstractmethod
    def strength(self) -> float:
        """The value that the loss's knob takes."""


class Procedure(Regularizer):
    """Part of the loop: it watches a validation metric."""

    hook: ClassVar[str] = "procedure"
