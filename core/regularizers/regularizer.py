"""The family of regularizers, and one abstract class for each place where one can act.

    Penalty      adds lambda * R(w) to the objective: a gradient, a proximal step, or both
    Decay        shrinks the weights beside the gradient step, outside the objective
    Constraint   projects the weights back into a set after each step
    Noise        disturbs hidden activations while training
    Target       changes what the loss is asked to fit
    Procedure    changes how long training runs

and those of a training step, in core.regularizers.passes: Augmentation, Regradient, GradientChange,
Average. A cohort holds runs with different regularizers: a hook is called on the rows of those that
have it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from core.term import Knob, Knobs, Task, Term

if TYPE_CHECKING:
    import torch

Pull = Callable[["torch.Tensor"], "torch.Tensor"]
Lambda = Annotated[
    float,
    Knob(ge=0, neutral=0.0, simpler="high"),
    Field(alias="lambda", description="strength; 0 is none"),
]
Method = Annotated[
    Literal["proximal", "subgradient"],
    Field(description="proximal gives exact zeros; subgradient gives none"),
]


@dataclass(frozen=True)
class StateTensor:
    """A tensor that a regularizer keeps for each run, zero at the start.

    As long as the part of a row that is trained, as the whole row (running statistics too), or one
    number.
    """

    name: str
    size: Literal["trained", "row", "scalar"]


@dataclass(frozen=True)
class Ground:
    """What a regularizer may know of the data and the steps before it is accepted."""

    shape: tuple[int, ...] | None  # of one example, where it is one array of numbers
    coded: tuple[str, ...]  # inputs that are names of things, with which there is no arithmetic
    task: Task
    batch_size: int | None  # None: all of the training part


class Regularizer(Term):
    """Anything meant to make a model generalise better."""

    family: ClassVar[str] = "regularizer"
    hook: ClassVar[str]
    claim: ClassVar[str | None] = None
    """What one term of a run alone may do, as a verb after its kind: "mixes the targets"."""

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:  # Any: fields of many types
        """Bodies that show it at work, the edges of its knobs included; tests try each."""
        return ({},)

    def fits(self, ground: Ground) -> str | None:
        """None when it can act on this data and these steps, else why not and what would."""
        return None

    def states(self) -> tuple[StateTensor, ...]:
        """What it keeps from step to step."""
        return ()


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
    """Disturbs every hidden activation, while training and not at evaluation."""

    hook: ClassVar[str] = "noise"

    @property
    def draws(self) -> str:
        """What its draws are called: two terms of one run must not draw the same numbers."""
        return self.kind

    @abstractmethod
    def disturb(
        self, h_RB: torch.Tensor, u_RB: torch.Tensor, knobs: Knobs
    ) -> tuple[torch.Tensor, Pull]:
        """h (R, B, ...) disturbed, from draws u of U[0, 1) and its shape, and the way back.

        pull(dJ/dy) gives dJ/dh and may use what it is given up; h is never written to.
        """


class Target(Regularizer):
    """Changes what the loss is asked to fit, by knobs of the loss."""

    hook: ClassVar[str] = "target"
    loss_kinds: ClassVar[tuple[str, ...]]

    @abstractmethod
    def loss_knobs(self) -> Mapping[str, float]:
        """The loss's knobs that it sets, and to what."""


class Procedure(Regularizer):
    """Part of the loop: it sees a validation metric at every logged epoch, and may end runs."""

    hook: ClassVar[str] = "procedure"

    @property
    @abstractmethod
    def watched(self) -> str:
        """The metric that it sees, by its wire name, such as val_loss."""

    @property
    def restores(self) -> bool:
        """Whether the weights of a run's best epoch, by that metric, are those it reports."""
        return False

    def margin(self, knobs: Knobs) -> torch.Tensor | float:
        """(R,) by how much a value must be better than the best to be an improvement."""
        return 0.0

    @abstractmethod
    def after_epoch(self, seen: Seen, knobs: Knobs) -> torch.Tensor:
        """(R,) bool: which of these runs end here."""


@dataclass(frozen=True)
class Seen:
    """A logged epoch (from 1) as a procedure's runs see it."""

    epoch: int
    value_R: torch.Tensor  # of the metric; not finite where a run diverged
    since_R: torch.Tensor  # epochs since the last improvement, or since the start
