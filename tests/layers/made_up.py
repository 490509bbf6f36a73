"""A layer that somebody adds: one class, whose tests are those that read the catalogue.

Loaded as a plug-in of pytest (`-p tests.layers.made_up`) it is there before any test is collected.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

import torch

from core.layers.layer import Alone, Example, Layer, Parameter, Shape, Step
from core.term import Knob


class Swish(Layer):
    """A gate of each feature's own sharpness.

    Formula: y = x sigmoid(s b x)

    Shapes: (R, B, *shape), unchanged
    """

    kind: Literal["swish"] = "swish"
    sharpness: Annotated[float, Knob(gt=0)] = 1.0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        runs = tuple({"sharpness": s} for s in (0.5, 1.0, 2.0))
        return [Example(((5,),), runs=runs), Example(((2, 3, 4),))]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        return xs_B[0] * torch.sigmoid(self.sharpness * p["slope"] * xs_B[0])

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def parameters(self, shape: Shape) -> tuple[Parameter, ...]:
        return (Parameter("slope", (shape[-1],), "scale", start=1.0),)

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        axes = [1] * (x_RB.dim() - 2)
        slope = p["slope"].reshape(len(p["slope"]), *axes, -1)
        return x_RB * torch.sigmoid(step.knobs.sharpness.reshape(-1, 1, *axes) * slope * x_RB)
