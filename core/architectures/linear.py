from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.dense import Dense
from core.layers.flatten import Flatten
from core.layers.layer import Example, Shape


class Linear(Architecture):
    """A linear model: with mse, linear regression; with cross_entropy or bce, logistic regression.

    Formula: y = x W + b

    Reference: sklearn.linear_model
    """

    kind: Literal["linear"] = "linear"
    bias: bool = True

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((9,),)),
            Example(((9,),), {"bias": False}),
            Example(((1, 3, 3),)),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        return (Flatten(), Dense(units=outputs, bias=self.bias))
