"""The family of layers: what a network is made of, every tensor with a leading run axis."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Literal, Protocol, Self

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
PullAll = Callable[["torch.Tensor"], "Sequence[torch.Tensor | None]"]
Ref = int
"""A layer's output in a network that is being wired."""
NAME = r"^[A-Za-z][A-Za-z0-9_]*$"
Name = Annotated[str, Field(max_length=64, pattern=NAME)]


class Wiring(Protocol):
    """A network that is being wired (`core.network.graph`)."""

    def __call__(self, layer: Layer, *inputs: Ref, name: str | None = None) -> Ref:
        """Add a layer that reads these."""
        ...

    def chain(self, layers: Sequence[Layer], x: Ref, *, listed: bool = True) -> Ref:
        """Add layers one after another; `listed` ones are the field `layers` on the wire."""
        ...

    def primitive(self, layer: Layer, inputs: Sequence[Ref]) -> Ref:
        """Add a layer that is run as it is."""
        ...

    def shape(self, ref: Ref) -> Shape:
        """Of one example there."""
        ...

    def coded(self, ref: Ref) -> bool:
        """Whether ids or tokens are there, and not numbers."""
        ...


OfRagged = Literal["apart", "mixes", "ends"] | None
"""A layer does the same to each moment `apart`; or `mixes` moments, and asks `Step.lengths_RB`
which are there; or the time `ends` with it, which asks too. None: it may not read them."""


class CodedField(Protocol):
    """A field of ids or tokens (`core.datasets.fields`)."""

    @property
    def name(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def size(self) -> int: ...


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
    lengths_RB: torch.Tensor | None = None  # moments that are there, where examples differ


@dataclass(frozen=True)
class Example:
    """A use of a layer or an architecture: its fields, and the shapes of what it reads.

    `runs` are knob values that differ among three runs of a cohort; `coded`: it reads ids, or
    tokens where an example has one axis.
    """

    shapes: tuple[Shape, ...]
    body: Mapping[str, Any] = field(default_factory=dict)  # Any: what its fields are
    runs: tuple[Mapping[str, Any], ...] = ({}, {}, {})
    coded: bool = False


@dataclass(frozen=True)
class Alone:
    """What a reference may know of the moment: `uniform(shape)` draws U[0, 1), (B, *shape)."""

    training: bool
    uniform: Callable[[Shape], torch.Tensor]


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
    reads_coded: ClassVar[bool] = False  # whether it reads ids or tokens, and nothing else
    name: Annotated[str | None, Field(max_length=64, pattern=NAME, description="label")] = None
    input: Annotated[
        Name | Annotated[tuple[Name, ...], Field(min_length=1, max_length=16)] | None,
        Field(
            description="name or names of the layers of this list that it reads; without, the one "
            'before ("input" is what the list is given; a layer without a name is `<kind>_<place>`)'
        ),
    ] = None

    @classmethod
    @abstractmethod
    def examples(cls) -> Sequence[Example]:
        """Uses that its tests read, the typical one first."""

    @abstractmethod
    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        """What tests compare with: one run, (B, *shape) each, by torch.nn or the formula itself.

        p holds its parameters without a run axis; running statistics in it are written to.
        """

    @property
    def reads(self) -> tuple[str, ...] | None:
        """The names in `input`; None: the layer before it."""
        return (self.input,) if isinstance(self.input, str) else self.input

    @property
    def listed(self) -> tuple[Layer, ...]:
        """The layers that the client listed inside this one, at /layers."""
        return ()

    def lower(self, graph: Wiring, inputs: Sequence[Ref]) -> Ref:
        """Add itself to a network; a layer made of others adds those instead."""
        return graph.primitive(self, inputs)

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

    @property
    def of_ragged(self) -> OfRagged:
        """Whether and how it reads examples (T, ...) that differ in length."""
        return None

    def for_coded(self, field: CodedField) -> Self:
        """Itself, where it reads a field of ids or tokens. Raises ValueError, a sentence."""
        raise ValueError(
            f'{self.kind} reads numbers, and "{field.name}" are {field.kind}; put an embedding '
            "before it"
        )

    @property
    def last_only(self) -> tuple[str, str] | None:
        """The field for which it may only be a network's last layer, and why, a sentence."""
        return None

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
        and so must dx be. By autograd, whose bookkeeping costs as much as small tensors do: a layer
        on a hot path writes its own.
        """
        y_RB, pull = by_autograd(
            lambda xs, p: self.forward(xs[0], p, step), (x_RB,), p, into, through=through
        )
        return y_RB, lambda dy_RB: pull(dy_RB)[0]

    # What a network calls: layers that read one input have the methods above, and these follow.

    def output_shape_of(self, *shapes: Shape) -> Shape:
        """Shape after this layer, of all that it reads. Raises ValueError, a sentence."""
        if len(shapes) != 1:
            raise ValueError(f"{self.kind} reads one layer, and {len(shapes)} are named")
        return self.output_shape(shapes[0])

    def parameters_of(self, *shapes: Shape) -> tuple[Parameter, ...]:
        """Its tensors, given the shapes of all that it reads."""
        return self.parameters(shapes[0])

    def flops_of(self, *shapes: Shape) -> int:
        """As `flops`, given the shapes of all that it reads."""
        return self.flops(shapes[0])

    def inner_of(self, *shapes: Shape) -> int:
        """Numbers of one example that it keeps for the way back, besides what it reads and gives.

        Where they are many: memory is planned by them.
        """
        return 0

    def forward_all(
        self, xs_RB: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        """`forward`, of all that it reads."""
        return self.forward(xs_RB[0], p, step)

    def vjp_all(
        self,
        xs_RB: Sequence[torch.Tensor],
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, PullAll]:
        """`vjp`, of all that it reads; pull gives one gradient for each, which share no memory."""
        y_RB, pull = self.vjp(xs_RB[0], p, step, into, through=through)
        return y_RB, lambda dy_RB: (pull(dy_RB),)


def by_autograd(
    forward: Callable[[Sequence[torch.Tensor], Mapping[str, torch.Tensor]], torch.Tensor],
    xs_RB: Sequence[torch.Tensor],
    p: Mapping[str, torch.Tensor],
    into: Mapping[str, torch.Tensor],
    *,
    through: bool,
) -> tuple[torch.Tensor, PullAll]:
    """What `forward` gives, and its vector-Jacobian product."""
    leaves = {name: p[name].detach().requires_grad_() for name in into}
    xs_RB = [x_RB.detach().requires_grad_(through) for x_RB in xs_RB]
    with torch.enable_grad():
        y_RB = forward(xs_RB, {**p, **leaves})

    def pull(dy_RB: torch.Tensor) -> Sequence[torch.Tensor | None]:
        wanted = [*leaves.values(), *(xs_RB if through else ())]
        found = torch.autograd.grad(y_RB, wanted, dy_RB)
        for target, gradient in zip(into.values(), found, strict=False):
            target.copy_(gradient)
        if not through:
            return [None] * len(xs_RB)
        first, *others = found[len(leaves) :]
        # written to later: of a mean they are expanded, of a sum they are one tensor
        return [first.contiguous(), *(other.clone() for other in others)]

    return y_RB.detach(), pull
