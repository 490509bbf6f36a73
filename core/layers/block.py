"""Layers that are made of others."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

from pydantic import ConfigDict

from core.layers.layer import Alone, Layer, Ref, Shape, Step, Wiring
from core.tensors import torch


class Block(Layer):
    """A layer made of others: it says of which by `lower`, and never runs itself."""

    model_config = ConfigDict(defer_build=True)  # a list of layers may hold members made later

    def one(self, inputs: Sequence[Ref]) -> Sequence[Ref]:
        """The inputs, if there is one only. Raises ValueError, a sentence."""
        if len(inputs) != 1:
            raise ValueError(f"{self.kind} reads one layer, and {len(inputs)} are named")
        return inputs

    @abstractmethod
    def lower(self, graph: Wiring, inputs: Sequence[Ref]) -> Ref: ...

    def output_shape(self, shape: Shape) -> Shape:
        raise AssertionError(f"{self.kind} was not lowered")

    def forward(
        self, x_RB: torch.Tensor, p: Mapping[str, torch.Tensor], step: Step
    ) -> torch.Tensor:
        raise AssertionError(f"{self.kind} was not lowered")


def reference_of_chain(
    layers: Sequence[Layer], x_B: torch.Tensor, p: Mapping[str, torch.Tensor], alone: Alone
) -> torch.Tensor:
    """`Layer.reference` of layers one after another, whose parameters p has by path."""
    for index, layer in enumerate(layers):
        own = under(p, layer.name or f"{layer.kind}_{index}")
        x_B = layer.reference([x_B], own, alone)
    return x_B


def under(p: Mapping[str, torch.Tensor], name: str) -> dict[str, torch.Tensor]:
    """The parameters below a layer, by the rest of their paths."""
    prefix = f"{name}/"
    return {path.removeprefix(prefix): v for path, v in p.items() if path.startswith(prefix)}
