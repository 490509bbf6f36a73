from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.layer import Alone, Example, Layer, Parameter, Pull, Shape, Step
from core.layers.norm import affine, affine_pull, scale_and_shift, standardised, standardised_vjp
from core.tensors import torch


class GroupNorm(Layer):
    """Group normalisation of an image: over the places and the channels of each group.

    Formula: y = g (x - mean) / sqrt(var + eps) + h, statistics of each example and group

    Convention: biased variance, as torch. One group is layer norm of the image, as many groups as
    channels is instance norm. g and h are of channels, and exempt from penalties.

    Shapes: (R, B, C, H, W), unchanged

    Reference: Wu and He 2018; torch.nn.GroupNorm
    """

    kind: Literal["group_norm"] = "group_norm"
    groups: Annotated[int, Field(ge=1, le=4096, description="it divides the channels")] = 1
    eps: Annotated[float, Field(gt=0, le=1)] = 1e-5

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((4, 5, 3),), {"groups": groups}) for groups in (1, 2, 4)]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        affine = p["scale"], p["shift"]
        return torch.nn.functional.group_norm(xs_B[0], self.groups, *affine, self.eps)

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 3:
            raise ValueError(f"group_norm needs an image (channels, height, width), gets {shape}")
        if shape[0] % self.groups:
            raise ValueError(f"group_norm cannot divide {shape[0]} channels in {self.groups}")
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return scale_and_shift(shape[0])

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return affine(standardised(self._grouped(x_RB), self.eps).view(x_RB.shape), p, 2)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        grouped, pull_normed = standardised_vjp(self._grouped(x_RB), self.eps)
        normed_RB = grouped.view(x_RB.shape)

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            dnormed_RB = affine_pull(dy_RB, normed_RB, p, into, 2)
            return pull_normed(self._grouped(dnormed_RB)).view(x_RB.shape) if through else None

        return affine(normed_RB, p, 2), pull

    def _grouped(self, x_RB: torch.Tensor) -> torch.Tensor:
        return x_RB.reshape(*x_RB.shape[:2], self.groups, -1)
