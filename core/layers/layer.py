"""The family of layers: what a network is made of, every tensor with a leading run axis."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from core.regularizers import Regularizer
from core.regularizers.regularizer import Constraint, Decay, Penalty
from core.tensors import torch
from core.term import Knobs, Term

Shape = tuple[int, ...]
Role = Literal["weight", "bias", "scale", "buffer"]
ROLES: tuple[Role, ...] = ("weight", "bias", "scale", "buffer")


Pull = Callable[["torch.Tensor"], "torch.Tensor | None"]
Drawn = tuple[slice, "torch.Tensor"]
"""Some rows, and U[0, 1) of shape (rows, B, *shape) for them, equal among runs of one seed."""


@dataclass(frozen=True)
class Parameter:
    """One tensor of one run. `bound` draws it from U(-bound, bound); else it starts at `start`.

    Roles: weight (penalised by default), bias, scale (norm scales and shifts), buffer (running
    statistics: saved, never trained). `fan_in` are the axes, run axis counted, that feed one unit.
    """

    name: str
    shape: Shape
    role: Role
    bound: float = 0.0
    start: float = 0.0
    fan_in: tuple[int, ...] = (1,)


@dataclass(frozen=True)
class Step:
    """What a layer may know of the moment it runs in.

    `acting` are the segments [lo, hi) of rows outside which this layer's knobs are all neutral.
    `uniforms(shape, acting)` draws for them, once; it is there in training only.
    `present_RB` is 1 for an example of the minibatch and 0 for padding, None without padding.
    """

    training: bool
    knobs: Knobs
    acting: Sequence[tuple[int, int]]
    uniforms: Callable[[Shape, Sequence[tuple[int, int]]], Iterable[Drawn]] | None = None
    present_RB: torch.Tensor | None = None


def _on_weights(terms: tuple[Regularizer, ...]) -> tuple[Regularizer, ...]:
    for term in terms:
        if not isinstance(term, Penalty | Decay | Constraint):
            raise PydanticCustomError(
                "layer_regularizer",
                "{kind} does not act on one layer's weights; put it in the job's regularizers",
                {"kind": term.kind},
            )
        if isinstance(term, Penalty) and term.biases:
            raise PydanticCustomError(
                "layer_regularizer",
                "a layer's own {kind} acts on its weights only; leave out biases, or put it in the "
                "job's regularizers",
                {"kind": term.kind},
            )
    return terms


LayerRegularizers = Annotated[
    tuple[Regularizer, ...],
    Field(max_length=8, description="on this layer's weights only"),
    AfterValidator(_on_weights),
]


class Layer(Term):
    """One step of a network. Shapes are of one example: without the run and minibatch axes."""

    family: ClassVar[str] = "layer"
    is_view: ClassVar[bool] = False  # whether its output is its input's memory
    name: Annotated[
        str | None, Field(max_length=64, pattern=r"^[A-Za-z][A-Za-z0-9_]*$", description="label")
    ] = None

    @property
    def last_only(self) -> str | None:
        """Why no layer may come after this one, and what to do; None where one may."""
        return None

    @abstractmethod
    def output_shape(self, shape: Shape) -> Shape:
        """Shape after this layer. Raises ValueError, a sentence, where the shape does not fit."""

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return ()

    def flops(self, shape: Shape) -> int:
        """Multiply-adds, times two, of one example going forward."""
        return 0

    @property
    def activates(self) -> bool:
        """Whether its output is a hidden activation, after which dropout may act."""
        return False

    @abstractmethod
    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        """(R, B, *shape) -> (R, B, *output_shape); p holds its parameters, each (R, *shape)."""

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        """`forward`, and its vector-Jacobian product: from dJ/dy to the gradients.

        pull(dy) writes those of the parameters to `into` and returns dJ/dx, None unless it goes
        `through`. It may use dy up; x is never written to. dy is zero where an example is padding,
        and so must dx be. By autograd, whose bookkeeping costs as
        much as small tensors do: a layer on a hot path writes its own.
        """
        leaves = {name: p[name].detach().requires_grad_() for name in into}
        x_RB = x_RB.detach().requires_grad_(through)
        with torch.enable_grad():
            y_RB = self.forward(x_RB, {**p, **leaves}, step)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            wanted = [*leaves.values(), *([x_RB] if through else [])]
            found = torch.autograd.grad(y_RB, wanted, dy_RB)
            for target, gradient in zip(into.values(), found, strict=False):
                target.copy_(gradient)
            return found[-1] if through else None

        return y_RB.detach(), pull


class Composite(Layer):
    """Layers, one after another, under one name.

    `build` puts its inner layers in its place, so that their knobs, draws and own regularizers are
    theirs, and their tensors are named by the path to them: `<composite>/<layer>/<parameter>`.
    """

    @abstractmethod
    def inner(self) -> tuple[Layer, ...]:
        """The layers, in order; some may be composite themselves."""

    def output_shape(self, shape: Shape) -> Shape:
        for layer in self.inner():
            shape = layer.output_shape(shape)
        return shape

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        raise AssertionError(f"{self.kind} is never a node: its inner layers are")
