from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.activation import Activation, ActivationName
from core.layers.batch_norm import BatchNorm
from core.layers.dense import Dense, Units
from core.layers.flatten import Flatten
from core.layers.layer import Example, Shape


class Mlp(Architecture):
    """Multi-layer perceptron: fully connected hidden layers, then a linear output.

    Formula: h_0 = x; h_i = f(h_{i-1} W_i + b_i); y = h_n W + b

    Convention: with batch_norm, each hidden layer is dense, batch norm, activation.
    """

    kind: Literal["mlp"] = "mlp"
    hidden: Annotated[
        tuple[Units, ...], Field(max_length=32, description="units of each hidden layer")
    ] = (64,)
    activation: ActivationName = "relu"
    batch_norm: bool = False

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((9,),), {"hidden": [10, 5]}),
            Example(((9,),), {"hidden": []}),
            Example(((9,),), {"hidden": [40], "activation": "tanh", "batch_norm": True}),
        ]

    def layers_for(self, shape: Shape, outputs: int) -> tuple[Layer, ...]:
        layers: list[Layer] = [Flatten()]
        for units in self.hidden:
            if self.batch_norm:
                layers += [Dense(units=units), BatchNorm(), Activation(activation=self.activation)]
            else:
                layers.append(Dense(units=units, activation=self.activation))
        return (*layers, Dense(units=outputs))
