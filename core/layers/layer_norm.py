from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.layer import Alone, Example, Layer, OfRagged, Parameter, Pull, Shape, Step
from core.layers.norm import affine, affine_pull, scale_and_shift, standardised, standardised_vjp
from core.tensors import torch


class LayerNorm(Layer):
    """Layer normalisation: each example, and each moment of a sequence, over its own features.

    Formula: y = g (x - mean) / sqrt(var + eps) + h, over the last axis

    Convention: biased variance, as torch. g and h are exempt from penalties.

    Shapes: (R, B, F) or (R, B, T, F), unchanged

    Reference: Ba, Kiros and Hinton 2016; torch.nn.LayerNorm
    """

    kind: Literal["layer_norm"] = "layer_norm"
    eps: Annotated[float, Field(gt=0, le=1)] = 1e-5

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((5, 6),)), Example(((7,),)), Example(((5, 6),), {"eps": 0.1})]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        features = xs_B[0].shape[-1:]
        return torch.nn.functional.layer_norm(xs_B[0], features, p["scale"], p["shift"], self.eps)

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) > 2:
            raise ValueError(
                f"layer_norm needs features (F,) or a sequence (T, F) and gets {shape}; "
                f"for images use group_norm"
            )
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return scale_and_shift(shape[-1])

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return affine(standardised(x_RB, self.eps), p, -1)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        normed_RB, pull_normed = standardised_vjp(x_RB, self.eps)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            dnormed_RB = affine_pull(dy_RB, normed_RB, p, into, -1)
            return pull_normed(dnormed_RB) if through else None

        return affine(normed_RB, p, -1), pull
