"""The family of optimizers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from core.term import Knob, Knobs, Term

if TYPE_CHECKING:
    import torch

LearningRate = Annotated[float, Knob(gt=0), Field(description="base learning rate")]
SMALLEST = 1e-38  # a learning rate that a schedule took below float32 moves nothing
State = dict[str, "torch.Tensor"]


class Optimizer(Term):
    """An update rule on all parameters of all runs at once: one (R, P) tensor, in place.

    Every hyper-parameter is a tensor of shape (R,). An optimizer that offers a proximal step
    returns from `step` the size of that step in its own metric, and takes back in `absorb` the
    displacement that the proximal operators made, so that its momentum knows of it.
    """

    family: ClassVar[str] = "optimizer"

    @classmethod
    def examples(cls) -> Sequence[Mapping[str, Any]]:  # Any: fields of many types
        """Bodies that show it at work, the edges of its knobs included; tests try each."""
        return ({},)

    @abstractmethod
    def reference(
        self, weights: Sequence[torch.Tensor], others: Sequence[torch.Tensor]
    ) -> torch.optim.Optimizer:
        """What tests compare with; `others` are biases and norms, which do not decay."""

    @property
    def no_prox(self) -> str | None:
        """Why proximal penalties cannot be used with it, or None when they can."""
        return None

    @abstractmethod
    def states(self) -> tuple[str, ...]:
        """Names of the (R, P) state tensors, all zero at the start."""

    @abstractmethod
    def step(
        self,
        w_RP: torch.Tensor,
        grad_RP: torch.Tensor,
        state: State,
        knobs: Knobs,
        lr_R1: torch.Tensor,
        t: int | torch.Tensor,
    ) -> torch.Tensor:
        """Update w and state in place at step t (from 1); `grad` may be used up.

        t is (R, 1) where runs have taken different numbers of steps.

        Returns the proximal step size: (R, 1), or (R, P) for a diagonal metric.
        """

    def decay(self, knobs: Knobs) -> torch.Tensor | None:
        """(R,) decoupled weight decay of the optimizer's own, for weights only."""
        return None

    def absorb(self, moved_RP: torch.Tensor, state: State, lr_R1: torch.Tensor) -> None:
        """Learn that proximal operators moved w by -moved_RP after the step."""
