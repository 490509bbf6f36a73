from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from core.layers.layer import Alone, Example, Layer, OfRagged, Shape, Step
from core.layers.lengths import there
from core.tensors import torch

Heads = Annotated[int, Field(ge=1, le=64, description="it divides the features")]
Causal = Annotated[bool, Field(description="whether a moment sees itself and what is before only")]


class Attention(Layer):
    """Scaled dot-product attention of a sequence whose moments hold query, key and value.

    Formula: y = softmax(q k^T / sqrt(d)) v in each head of d features, heads side by side

    Convention: the features are queries, then keys, then values. It has no weights: those are of
    the dense layers around it (`self_attention`).

    Shapes: (R, B, T, 3 F) -> (R, B, T, F)

    Reference: Vaswani et al. 2017; torch.nn.functional.scaled_dot_product_attention
    """

    kind: Literal["attention"] = "attention"
    heads: Heads = 1
    causal: Causal = False

    @classmethod
    def examples(cls) -> Sequence[Example]:
        return [
            Example(((5, 6),), {"heads": 1}),
            Example(((5, 12),), {"heads": 2}),
            Example(((5, 12),), {"heads": 4, "causal": True}),
        ]

    def reference(
        self, xs_B: Sequence[torch.Tensor], p: Mapping[str, torch.Tensor], alone: Alone
    ) -> torch.Tensor:
        heads = []
        for q, k, v in zip(*(x.chunk(self.heads, -1) for x in xs_B[0].chunk(3, -1)), strict=True):
            score = q @ k.transpose(1, 2) / q.shape[-1] ** 0.5
            if self.causal:
                later = torch.ones_like(score[0]).triu(1).bool()
                score = score.masked_fill(later, float("-inf"))
            heads.append(torch.softmax(score, -1) @ v)
        return torch.cat(heads, -1)

    @property
    def of_ragged(self) -> OfRagged:
        return "mixes"

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != 2 or shape[1] % (3 * self.heads):
            raise ValueError(
                f"attention of {self.heads} heads needs a sequence (T, 3 F), F divisible by "
                f"{self.heads}, and gets {shape}"
            )
        return (shape[0], shape[1] // 3)

    def flops(self, shape: Shape) -> int:
        return 4 * shape[0] ** 2 * shape[1] // 3

    def inner_of(self, *shapes: Shape) -> int:
        """Queries, keys and values in the order of heads, and at worst all scores."""
        (shape,) = shapes
        return shape[0] * shape[1] + self.heads * shape[0] ** 2

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        runs_and_examples = x_RB.shape[:2]
        split = x_RB.flatten(0, 1).unflatten(-1, (3, self.heads, -1))
        q, k, v = split.permute(2, 0, 3, 1, 4).unbind()  # each (R B, heads, T, d)
        y = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, self._mask(x_RB, step), is_causal=self.causal and step.lengths_RB is None
        )
        y_RB: torch.Tensor = y.transpose(1, 2).flatten(2).unflatten(0, runs_and_examples)
        return y_RB

    def _mask(self, x_RB: torch.Tensor, step: Step) -> torch.Tensor | None:
        """(R B, 1, T or 1, T) bool: what each moment may see, where examples differ in length."""
        if step.lengths_RB is None:
            return None
        moments = x_RB.shape[2]
        seen: torch.Tensor = there(step.lengths_RB, moments).flatten(0, 1)[:, None, None]
        if self.causal:
            ahead = torch.ones(moments, moments, dtype=torch.bool, device=x_RB.device).tril()
            seen = seen & ahead
        return seen
