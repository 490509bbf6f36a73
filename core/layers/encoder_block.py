from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.activation import ActivationName
from core.layers.attention import Causal, Heads
from core.layers.block import Block, under
from core.layers.dense import Dense
from core.layers.dropout import DropoutLayer
from core.layers.layer import Alone, Example, Layer, Ref, Wiring
from core.layers.layer_norm import LayerNorm
from core.layers.merge import Add
from core.layers.self_attention import SelfAttention
from core.regularizers.dropout import DropProbability
from core.tensors import torch

HIDDEN = 4  # times the features, where `hidden` is not given: as in Vaswani et al.

Hidden = Annotated[
    int | None, Field(ge=1, le=65_536, description="units between a block's two dense layers")
]


class EncoderBlock(Block):
    """One layer of a transformer: attention, then two dense layers, each around a norm and added.

    Formula: a = x + drop(attention(norm(x))); y = a + drop(drop(f(norm(a) W + b)) W' + b')

    Convention: pre-norm. `hidden` is 4 times the features where it is left out. Of the block's own
    dropout p, which acts at three places, as torch's; not on attention weights.

    Shapes: (R, B, T, F), unchanged

    Reference: Vaswani et al. 2017; torch.nn.TransformerEncoderLayer(norm_first=True)
    """

    kind: Literal["encoder_block"] = "encoder_block"
    heads: Heads = 4
    hidden: Hidden = None
    activation: ActivationName = "gelu"
    causal: Causal = False
    dropout: DropProbability = 0.0

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5, 4),), {"heads": 2, "hidden": 6}),
            Example(((5, 6),), {"heads": 3, "activation": "relu", "causal": True}),
            Example(((5, 4),), runs=tuple({"dropout": p} for p in (0.0, 0.2, 0.6))),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        def run(layer: Layer, x_B: torch.Tensor, name: str) -> torch.Tensor:
            return layer.reference([x_B], under(p, name), alone)

        x_B, drop, features = xs_B[0], DropoutLayer(p=self.dropout), xs_B[0].shape[-1]
        seen_B = run(self._attention, run(LayerNorm(), x_B, "norm_1"), "attention")
        x_B = x_B + run(drop, seen_B, "")
        h_B = run(self._expand(features), run(LayerNorm(), x_B, "norm_2"), "dense_1")
        h_B = run(Dense(units=features), run(drop, h_B, ""), "dense_2")
        return x_B + run(drop, h_B, "")

    def lower(self, graph: Wiring, inputs: Sequence[Ref]) -> Ref:
        (x,) = self.one(inputs)
        shape = graph.shape(x)
        if len(shape) != 2 or shape[1] % self.heads:
            raise ValueError(
                f"{self.kind} of {self.heads} heads needs a sequence (T, F), F divisible by "
                f"{self.heads}, and gets {shape}"
            )
        drop = DropoutLayer(p=self.dropout)
        h = graph(LayerNorm(), x, name="norm_1")
        h = graph(self._attention, h, name="attention")
        x = graph(Add(), x, graph(drop, h, name="dropout_1"), name="add_1")
        h = graph(LayerNorm(), x, name="norm_2")
        h = graph(self._expand(shape[1]), h, name="dense_1")
        h = graph(drop, h, name="dropout_2")
        h = graph(Dense(units=shape[1]), h, name="dense_2")
        return graph(Add(), x, graph(drop, h, name="dropout_3"), name="add_2")

    @property
    def _attention(self) -> SelfAttention:
        return SelfAttention(heads=self.heads, causal=self.causal)

    def _expand(self, features: int) -> Dense:
        return Dense(units=self.hidden or HIDDEN * features, activation=self.activation)
