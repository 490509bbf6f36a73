from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field

from core.layers.dense import Units
from core.layers.layer import (
    Alone,
    CodedField,
    Example,
    Layer,
    LayerRegularizers,
    OfRagged,
    Parameter,
    Pull,
    Shape,
    Step,
)
from core.tensors import torch


class Embedding(Layer):
    """A learned vector for each word of a text, or for each of many things such as users.

    Formula: y = W[x], W (size, units)

    Convention: 0 is no word at all, and 1 a word that the training part does not have. Vectors
    start in U(-k, k), k = 1 / sqrt(units).

    Shapes: (R, B, T) whole numbers -> (R, B, T, units); (R, B) -> (R, B, units)

    Reference: torch.nn.Embedding
    """

    reads_coded: ClassVar[bool] = True
    kind: Literal["embedding"] = "embedding"
    units: Units
    size: Annotated[
        int | None, Field(ge=2, le=2**24, description="how many there are; the data knows")
    ] = None
    regularizers: LayerRegularizers = ()

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5,),), {"units": 4, "size": 7}, coded=True),
            Example(((),), {"units": 3, "size": 4}, coded=True),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return torch.nn.functional.embedding(xs_B[0], p["weight"])

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def for_coded(self, field: CodedField) -> Self:
        if self.size not in (None, field.size):
            raise ValueError(
                f'embedding has size {self.size}, and "{field.name}" tells {field.size} apart; '
                "leave size out"
            )
        return self.model_copy(update={"size": field.size})

    def output_shape(self, shape: Shape) -> Shape:
        if self.size is None:
            raise ValueError("embedding reads ids or tokens, and here it reads numbers")
        return (*shape, self.units)

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        assert self.size is not None
        bound = self.units**-0.5
        return (Parameter("weight", (self.size, self.units), "weight", bound, fan_in=(2,)),)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return self._rows(p["weight"], _places(x_RB, p["weight"]))

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        w_RVE = p["weight"]
        place_RB = _places(x_RB, w_RVE)

        def pull(dy_RB: torch.Tensor) -> None:
            # of all rows at once, in an order of its own: the same bits every time, on CUDA too
            summed = torch.ops.aten.embedding_dense_backward(
                dy_RB, place_RB, w_RVE.shape[0] * w_RVE.shape[1], -1, False
            )
            into["weight"].copy_(summed.view_as(w_RVE))

        return self._rows(w_RVE, place_RB), pull

    def _rows(self, w_RVE: torch.Tensor, place_RB: torch.Tensor) -> torch.Tensor:
        rows: torch.Tensor = torch.nn.functional.embedding(place_RB, w_RVE.flatten(0, 1))
        return rows


def _places(x_RB: torch.Tensor, w_RVE: torch.Tensor) -> torch.Tensor:
    """Of each word in the rows of all runs, one after the other."""
    first_R = torch.arange(w_RVE.shape[0], device=x_RB.device) * w_RVE.shape[1]
    return x_RB + first_R.reshape(-1, *[1] * (x_RB.dim() - 1))
