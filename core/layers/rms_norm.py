from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.layer import Alone, Example, Layer, OfRagged, Parameter, Pull, Shape, Step
from core.layers.norm import affine, affine_pull
from core.tensors import torch


class RmsNorm(Layer):
    """Root mean square normalisation: layer norm that subtracts no mean and adds no shift.

    Formula: y = g x / sqrt(mean(x^2) + eps), over the last axis

    Convention: g is exempt from penalties.

    Shapes: (R, B, F) or (R, B, T, F), unchanged

    Reference: Zhang and Sennrich 2019; torch.nn.RMSNorm
    """

    kind: Literal["rms_norm"] = "rms_norm"
    eps: Annotated[float, Field(gt=0, le=1)] = 1e-6

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [Example(((5, 6),)), Example(((7,),)), Example(((5, 6),), {"eps": 0.1})]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        x_B = xs_B[0]
        y_B: torch.Tensor = torch.nn.functional.rms_norm(x_B, x_B.shape[-1:], p["scale"], self.eps)
        return y_B

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) > 2:
            raise ValueError(
                f"rms_norm needs features (F,) or a sequence (T, F) and gets {shape}; "
                f"for images use group_norm"
            )
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return (Parameter("scale", shape[-1:], "scale", start=1.0),)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return affine(x_RB * self._per_size(x_RB), p, -1)

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        per_size = self._per_size(x_RB)
        normed_RB = x_RB * per_size

        def pull(dy_RB: torch.Tensor) -> torch.Tensor | None:
            dy_RB = affine_pull(dy_RB, normed_RB, p, into, -1)
            if not through:
                return None
            # dx = (dn - n mean(dn n)) / size
            share = (dy_RB * normed_RB).mean(-1, keepdim=True)
            return dy_RB.addcmul_(normed_RB, share, value=-1).mul_(per_size)

        return affine(normed_RB, p, -1), pull

    def _per_size(self, x: torch.Tensor) -> torch.Tensor:
        return torch.rsqrt(x.square().mean(-1, keepdim=True) + self.eps)
