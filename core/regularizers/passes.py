"""Hooks of one training step, called on the exact segments of rows whose runs have the term.

Augmentation     changes a minibatch before the network sees it: its inputs, its targets
Regradient       takes the gradient anew, at other weights or for other inputs
GradientChange   changes the gradient, penalties' included, before the optimizer's step
Average          follows the weights and says which of them the run reports
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from core.regularizers.regularizer import Ground, Regularizer
from core.term import Knobs

if TYPE_CHECKING:
    import torch

Targets = Sequence[tuple["torch.Tensor | None", "torch.Tensor"]]
"""(share_RB, y_RB…): J = mean_b sum_k share_k loss(z, y_k); a share of None is 1."""
States = Mapping[str, "torch.Tensor"]


@dataclass(frozen=True)
class Minibatch:
    """What the runs of a segment are given: inputs (r, B, *shape), each with r first.

    `present_RB` is 1 for an example and 0 for padding, None when nothing is padding. Tensors may
    be views that runs share: whoever changes one makes another.
    """

    inputs: Mapping[str, torch.Tensor]
    targets: Targets
    present_RB: torch.Tensor | None
    classes: int  # 0: the targets are values


class Draw(Protocol):
    """Random numbers of a term for one minibatch, a function of each run's seed and step alone.

    Runs of one seed draw the same, whatever their knobs. `name` tells a term's draws apart.
    """

    def uniform(self, name: str, *shape: int) -> torch.Tensor:
        """U[0, 1), (r, B, *shape): for each example; zero for padding."""
        ...

    def normal(self, name: str, *shape: int) -> torch.Tensor:
        """N(0, 1), (r, B, *shape): for each example; zero for padding."""
        ...

    def once(self, name: str) -> torch.Tensor:
        """U[0, 1), (r,): for the minibatch."""
        ...

    def order(self, name: str) -> torch.Tensor:
        """(r, B) a permutation of the examples; padding keeps its place."""
        ...


@dataclass(frozen=True)
class Moment:
    """When a step is taken. `step` (from 1) and `last`, whether the run's epoch ends with it, are
    (r, 1) where runs have taken different numbers of steps."""

    epoch: int  # from 1
    epochs: int
    step: int | torch.Tensor
    last: bool | torch.Tensor


class Pass(Protocol):
    """A segment's step, while it is taken."""

    w: torch.Tensor
    """(r, trained), a view: writes are meant. Padding in it is zero and must stay zero."""
    grad: torch.Tensor
    """(r, trained), a view: of the data term, or in `on_gradient` of J's smooth part."""

    @property
    def inputs(self) -> Mapping[str, torch.Tensor]:
        """As the network was given them; not to be written to."""
        ...

    @property
    def moment(self) -> Moment: ...

    def gradient(self, inputs: Mapping[str, torch.Tensor] | None = None) -> None:
        """Forward and back at w as it is now, into grad: the data term's gradient for these inputs.

        Noise draws what it drew before; running statistics stay as the first pass left them.
        """
        ...

    def input_gradient(
        self, inputs: Mapping[str, torch.Tensor] | None = None
    ) -> Mapping[str, torch.Tensor]:
        """dJ/d inputs at w, of the data term; grad is left alone."""
        ...


@dataclass
class Plain:
    """One step of one run in plain torch, as a reference finds it and may change it.

    `weights` are leaves, whose `.grad` is there once it was taken; `loss` gives the mean loss of a
    minibatch x_B at the weights and targets as they are. `kept` stays from step to step;
    `reported` are the weights that the run reports, if not `weights`.
    """

    weights: Sequence[torch.Tensor]
    x_B: torch.Tensor
    targets: Targets  # without the axis of runs
    loss: Callable[[torch.Tensor], torch.Tensor]
    draw: Draw  # without the axis of runs
    moment: Moment
    classes: int
    kept: dict[str, object] = field(default_factory=dict)
    reported: Sequence[torch.Tensor] | None = None


class Augmentation(Regularizer):
    """Changes a minibatch of the training part before the network sees it."""

    hook: ClassVar[str] = "batch"

    @abstractmethod
    def on_batch(self, batch: Minibatch, draw: Draw, knobs: Knobs) -> Minibatch:
        """The minibatch that is trained on instead; padding stays where it is."""

    @abstractmethod
    def reference(self, plain: Plain) -> None:
        """The same in plain torch, before the forward pass: what tests compare with."""


class Regradient(Regularizer):
    """Takes the data term's gradient anew, at other weights or for other inputs."""

    hook: ClassVar[str] = "regradient"
    claim: ClassVar[str | None] = "takes the gradient anew"

    @property
    @abstractmethod
    def passes(self) -> int:
        """Passes forward and back that it adds to a step, by which time is estimated."""

    @abstractmethod
    def regradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        """Leave in `at.grad` the gradient to train by, and `at.w` as it was."""

    @abstractmethod
    def reference(self, plain: Plain) -> None:
        """The same in plain torch, after the backward pass: what tests compare with."""


class GradientChange(Regularizer):
    """Changes the gradient of J's smooth part before the optimizer sees it."""

    hook: ClassVar[str] = "gradient"

    @abstractmethod
    def on_gradient(self, at: Pass, state: States, knobs: Knobs) -> None:
        """Change `at.grad` in place."""

    @abstractmethod
    def reference(self, plain: Plain) -> None:
        """The same in plain torch, before the optimizer's step: what tests compare with."""


class Average(Regularizer):
    """Follows the weights from step to step, and says which weights the run reports.

    Those are scored, watched by procedures, stored and served; training goes on at its own.
    """

    hook: ClassVar[str] = "average"
    claim: ClassVar[str | None] = "says which weights a run reports"

    @abstractmethod
    def after_step(self, w_RP: torch.Tensor, state: States, moment: Moment, knobs: Knobs) -> None:
        """Update the state in place from whole rows, running statistics among them."""

    @abstractmethod
    def reported(self, w_RP: torch.Tensor, state: States, knobs: Knobs) -> torch.Tensor:
        """(r, P): the rows to report."""

    @abstractmethod
    def reference(self, plain: Plain) -> None:
        """The same in plain torch, after the optimizer's step: what tests compare with."""


def needs_numbers(kind: str, ground: Ground) -> str | None:
    """Why a term that does arithmetic with inputs cannot act, where one is text or ids."""
    if not ground.coded:
        return None
    return (
        f'{kind} does arithmetic with inputs, and "{ground.coded[0]}" is text or ids; '
        "use dropout or sam"
    )
