from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from core.layers.attention import Attention, Causal, Heads
from core.layers.block import Block
from core.layers.dense import Dense
from core.layers.layer import Alone, Example, Ref, Wiring
from core.tensors import torch


class SelfAttention(Block):
    """Multi-head attention of a sequence to itself.

    Formula: y = concat_h(softmax(q_h k_h^T / sqrt(d)) v_h) W + b; q, k, v = x W' + b'

    Convention: made of the dense layers `qkv` and `out`, which start as torch.nn.Linear, and
    `attention` between them.

    Shapes: (R, B, T, F), unchanged

    Reference: Vaswani et al. 2017; torch.nn.MultiheadAttention
    """

    kind: Literal["self_attention"] = "self_attention"
    heads: Heads = 4
    causal: Causal = False

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5, 6),), {"heads": 2}),
            Example(((5, 6),), {"heads": 3, "causal": True}),
            Example(((1, 4),)),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        moments, features = xs_B[0].shape[1:]
        module = torch.nn.MultiheadAttention(features, self.heads, batch_first=True)
        named = {
            "in_proj_weight": p["qkv/weight"].T,
            "in_proj_bias": p["qkv/bias"][0],
            "out_proj.weight": p["out/weight"].T,
            "out_proj.bias": p["out/bias"][0],
        }
        later = torch.ones(moments, moments).triu(1).bool() if self.causal else None
        options = {"need_weights": False, "attn_mask": later}
        y_B, _ = torch.func.functional_call(module, named, (xs_B[0],) * 3, options)
        return y_B  # type: ignore[no-any-return]

    def lower(self, graph: Wiring, inputs: Sequence[Ref]) -> Ref:
        (x,) = self.one(inputs)
        shape = graph.shape(x)
        if len(shape) != 2 or shape[1] % self.heads:
            raise ValueError(
                f"{self.kind} of {self.heads} heads needs a sequence (T, F), F divisible by "
                f"{self.heads}, and gets {shape}"
            )
        qkv = graph(Dense(units=3 * shape[1]), x, name="qkv")
        seen = graph(Attention(heads=self.heads, causal=self.causal), qkv, name="attention")
        return graph(Dense(units=shape[1]), seen, name="out")
