from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.activation import Activation, ActivationName, reference_activation
from core.layers.batch_norm import BatchNorm
from core.layers.block import Block, under
from core.layers.conv import Conv2d
from core.layers.layer import Alone, Example, Layer, Ref, Wiring
from core.layers.merge import Add
from core.tensors import torch
from core.term import Knob


class BasicBlock(Block):
    """The block of a small residual network: two convolutions of 3 x 3, added to what they read.

    Formula: y = f(norm(conv(f(norm(conv(x))))) + S(x)); S is the identity where the shape stays,
    else norm(conv 1 x 1 with the same stride)

    Convention: batch norm, no biases; the first convolution has the stride.

    Shapes: (R, B, C, H, W) -> (R, B, filters, H / stride, W / stride), rounded up

    Reference: He et al. 2016; torchvision.models.resnet.BasicBlock
    """

    kind: Literal["basic_block"] = "basic_block"
    filters: Annotated[
        int, Knob(ge=1, le=4096, integer=True, structural=True), Field(description="out channels")
    ]
    stride: Annotated[int, Field(ge=1, le=16)] = 1
    activation: ActivationName = "relu"

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((2, 6, 6),), {"filters": 4, "stride": 2}),
            Example(((3, 5, 4),), {"filters": 3}),
            Example(((2, 5, 4),), {"filters": 3, "activation": "silu"}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        def run(layer: Layer, x_B: torch.Tensor, name: str) -> torch.Tensor:
            return layer.reference([x_B], under(p, name), alone)

        x_B = xs_B[0]
        h_B = run(BatchNorm(), run(self._conv(3, self.stride), x_B, "conv_1"), "norm_1")
        h_B = run(self._conv(3, 1), reference_activation(h_B, self.activation), "conv_2")
        h_B = run(BatchNorm(), h_B, "norm_2")
        if h_B.shape != x_B.shape:
            x_B = run(BatchNorm(), run(self._conv(1, self.stride), x_B, "conv_skip"), "norm_skip")
        return reference_activation(h_B + x_B, self.activation)

    def lower(self, graph: Wiring, inputs: Sequence[Ref]) -> Ref:
        (x,) = self.one(inputs)
        act = Activation(activation=self.activation)
        h = graph(self._conv(3, self.stride), x, name="conv_1")
        h = graph(act, graph(BatchNorm(), h, name="norm_1"), name="activation_1")
        h = graph(BatchNorm(), graph(self._conv(3, 1), h, name="conv_2"), name="norm_2")
        if graph.shape(h) != graph.shape(x):
            x = graph(self._conv(1, self.stride), x, name="conv_skip")
            x = graph(BatchNorm(), x, name="norm_skip")
        return graph(act, graph(Add(), h, x, name="add"), name="activation_2")

    def _conv(self, kernel: int, stride: int) -> Conv2d:
        return Conv2d(filters=self.filters, kernel=kernel, stride=stride, bias=False)
