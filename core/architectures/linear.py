from __future__ import annotations

from typing import Literal

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.dense import Dense
from core.layers.flatten import Flatten
from core.layers.layer import Shape


class Linear(Architecture):
    """A linear model: with mse, linear regression; with cross_entropy or bce, logistic regression.

    Formula: y = x W + b

    Reference: sklearn.linear_model
    """

    kind: Literal["linear"] = "linear"
    bias: bool = True

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        return (Flatten(), Dense(units=outputs, bias=self.bias))
