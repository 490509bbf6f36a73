from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from core.layers.layer import Alone, Example, Layer, OfRagged, Pull, Shape, Step
from core.layers.noise import disturbed
from core.regularizers.dropout import Dropout, DropProbability
from core.tensors import torch

DROPOUT = Dropout()


class DropoutLayer(Layer):
    """Dropout at one place of the network: each unit is zeroed with probability p.

    Formula: h m / (1 - p), m ~ Bernoulli(1 - p), while training; h at evaluation

    Convention: as the dropout regularizer, whose draws it shares.

    Reference: Srivastava et al. 2014; torch.nn.Dropout
    """

    kind: Literal["dropout"] = "dropout"
    p: DropProbability = 0.5

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example((shape,), runs=tuple({"p": p} for p in (0.0, 0.3, 0.9)))
            for shape in ((2, 7, 6), (5,))
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        x_B = xs_B[0]
        kept = alone.uniform(tuple(x_B.shape[1:])) >= self.p
        return x_B * kept / (1 - self.p) if alone.training else x_B

    @property
    def of_ragged(self) -> OfRagged:
        return "apart"

    def output_shape(self, shape: Shape) -> Shape:
        return shape

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        return disturbed(DROPOUT, x_RB, step)[0]

    def vjp(
        self,
        x_RB: torch.Tensor,
        p: Mapping[str, torch.Tensor],
        step: Step,
        into: Mapping[str, torch.Tensor],
        *,
        through: bool,
    ) -> tuple[torch.Tensor, Pull]:
        return disturbed(DROPOUT, x_RB, step)
