from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.activation import Activation, ActivationName, reference_activation
from core.layers.block import Block, reference_of_chain, under
from core.layers.conv import Conv2d
from core.layers.dense import Dense
from core.layers.layer import Alone, Example, Layer, Ref, Shape, Wiring
from core.layers.merge import Add
from core.tensors import torch


class Residual(Block):
    """A list of layers whose output is added to what it reads.

    Formula: y = f(F(x) + S(x)); S is the identity where F keeps the shape, else a projection

    Convention: the projection is a 1 x 1 convolution with the stride that fits for images, a dense
    layer for features; neither has a bias. Without `activation`, f is the identity.

    Shapes: (R, B, *shape) -> (R, B, *shape of F)

    Reference: He et al. 2016, "Deep residual learning for image recognition"
    """

    kind: Literal["residual"] = "residual"
    layers: Annotated[tuple[Layer, ...], Field(min_length=1, max_length=100)]
    activation: ActivationName | None = None

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((2, 6, 6),), {"layers": [{"kind": "conv2d", "filters": 2}, "batch_norm"]}),
            Example(
                ((2, 7, 7),),
                {
                    "activation": "relu",
                    "layers": [
                        {"kind": "conv2d", "filters": 3, "stride": 2, "activation": "tanh"},
                        {"kind": "dropout", "p": 0.3},
                    ],
                },
            ),
            Example(((5,),), {"layers": [{"kind": "dense", "units": 3, "activation": "relu"}]}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        (x_B,) = xs_B
        y_B = reference_of_chain(self.layers, x_B, p, alone)
        skip_B = x_B
        if "projection/weight" in p:
            before, after = tuple(x_B.shape[1:]), tuple(y_B.shape[1:])
            projection = _projection(before, after)
            skip_B = projection.reference([x_B], under(p, "projection"), alone)
        return reference_activation(y_B + skip_B, self.activation)

    @property
    def listed(self) -> tuple[Layer, ...]:
        return self.layers

    def lower(self, graph: Wiring, inputs: Sequence[Ref]) -> Ref:
        (x,) = self.one(inputs)
        inner = graph.chain(self.layers, x)
        before, after = graph.shape(x), graph.shape(inner)
        skip = x if before == after else graph(_projection(before, after), x, name="projection")
        y = graph(Add(), inner, skip, name="add")
        if self.activation is None:
            return y
        return graph(Activation(activation=self.activation), y, name="activation")


def _projection(before: Shape, after: Shape) -> Layer:
    if len(before) == len(after) == 1:
        return Dense(units=after[0], bias=False)
    if len(before) == len(after) == 3:
        stride = -(-before[1] // after[1])
        conv = Conv2d(filters=after[0], kernel=1, stride=stride, bias=False)
        if conv.output_shape(before) == after:
            return conv
    raise ValueError(f"its layers lead from {before} to {after}, and no projection does so too")
