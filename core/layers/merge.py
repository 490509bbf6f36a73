"""Layers that read several others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.layer import Alone, Example, Layer, OfRagged, PullAll, Shape, Step, by_autograd
from core.tensors import torch


class Merge(Layer):
    """A layer that reads several: a member says how, in the methods that end with `_of`, `_all`."""

    @abstractmethod
    def output_shape_of(self, *shapes: Shape) -> Shape: ...

    @abstractmethod
    def forward_all(
        self, xs_RB: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor: ...

    def output_shape(self, shape: Shape) -> Shape:
        return self.output_shape_of(shape)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return self.forward_all((x_RB,), p, step)

    def vjp_all(
        self,
        xs_RB: Sequence[torch.Tensor],
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, PullAll]:
        """By autograd, unless a member writes its own."""
        return by_autograd(
            lambda xs, p: self.forward_all(xs, p, step), xs_RB, p, into, through=through
        )


class Add(Merge):
    """The sum of what it reads.

    Formula: y = x_1 + x_2 + ...

    Shapes: several (R, B, *shape) -> (R, B, *shape)

    Reference: He et al. 2016, "Deep residual learning for image recognition"
    """

    kind: Literal["add"] = "add"

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((5,), (5,))), Example(((2, 4, 3),) * 3)]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.stack(list(xs_B)).sum(0)

    def output_shape_of(self, *shapes: Shape) -> Shape:
        return _alike(self.kind, shapes)

    def forward_all(
        self, xs_RB: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        first, second, *others = xs_RB
        y_RB = first + second
        for x_RB in others:
            y_RB = y_RB + x_RB
        return y_RB

    def vjp_all(
        self,
        xs_RB: Sequence[torch.Tensor],
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, PullAll]:
        copies = len(xs_RB) - 1
        return self.forward_all(xs_RB, p, step), lambda dy_RB: [
            *(dy_RB.clone() for _ in range(copies)),
            dy_RB,
        ]


class Multiply(Merge):
    """The elementwise product of what it reads: a gate.

    Formula: y = x_1 x_2 ...

    Shapes: several (R, B, *shape) -> (R, B, *shape)

    Reference: Srivastava, Greff and Schmidhuber 2015, "Highway networks"
    """

    kind: Literal["multiply"] = "multiply"

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((5,), (5,))), Example(((2, 4, 3),) * 3)]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.stack(list(xs_B)).prod(0)

    def output_shape_of(self, *shapes: Shape) -> Shape:
        return _alike(self.kind, shapes)

    def forward_all(
        self, xs_RB: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        y_RB = xs_RB[0]
        for x_RB in xs_RB[1:]:
            y_RB = y_RB * x_RB
        return y_RB


class Concat(Merge):
    """What it reads, one after another along an axis.

    Shapes: (R, B, n_1, *rest), (R, B, n_2, *rest), ... -> (R, B, n_1 + n_2 + ..., *rest) on axis 0

    Reference: torch.cat
    """

    kind: Literal["concat"] = "concat"
    axis: Annotated[int, Field(ge=0, le=3, description="of an example")] = 0

    @property
    def of_ragged(self) -> OfRagged:
        return "apart" if self.axis else None

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5,), (5,))),
            Example(((5,), (2,), (1,))),
            Example(((2, 4, 3), (2, 1, 3)), {"axis": 1}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.cat(list(xs_B), self.axis + 1)

    def output_shape_of(self, *shapes: Shape) -> Shape:
        _several(self.kind, shapes)
        first, axis = shapes[0], self.axis
        if axis >= len(first):
            raise ValueError(f"concat on axis {axis} needs more axes than {first} has")
        for shape in shapes[1:]:
            if _without(shape, axis) != _without(first, axis):
                raise ValueError(
                    f"concat on axis {axis} reads {first} and {shape}, which differ elsewhere"
                )
        return (*first[:axis], sum(shape[axis] for shape in shapes), *first[axis + 1 :])

    def forward_all(
        self, xs_RB: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        joined: torch.Tensor = torch.cat(list(xs_RB), self.axis + 2)
        return joined


def _several(kind: str, shapes: Sequence[Shape]) -> None:
    if len(shapes) < 2:
        raise ValueError(f'{kind} reads two layers or more; name them in its "input"')


def _alike(kind: str, shapes: Sequence[Shape]) -> Shape:
    _several(kind, shapes)
    if len(set(shapes)) > 1:
        raise ValueError(f"{kind} needs equal shapes and reads {' and '.join(map(str, shapes))}")
    return shapes[0]


def _without(shape: Shape, axis: int) -> Shape:
    return (*shape[:axis], *shape[axis + 1 :])
