"""A network's forward pass for all runs at once, on the rows of a state."""

from __future__ import annotations

from collections.abc import Callable

import torch

from core.architectures.network import Network
from core.layers.layer import Shape, Step
from core.term import Knobs

Draw = Callable[[int, Shape], torch.Tensor]
"""(node, shape of one example) -> uniforms of shape (R, B, *shape)."""


class Model:
    """Views into w (A, size), one per parameter; autograd sees each as a leaf."""

    def __init__(self, network: Network, w_AT: torch.Tensor) -> None:
        self.network = network
        self.tensors: list[dict[str, torch.Tensor]] = [{} for _ in network.nodes]
        self.leaves: list[torch.Tensor] = []
        self.slices: list[tuple[int, int]] = []
        for place in network.places:
            view = w_AT.detach()[:, place.start : place.stop]
            view = view.unflatten(1, place.parameter.shape)
            if place.parameter.role != "buffer":
                view.requires_grad_()
                self.leaves.append(view)
                self.slices.append((place.start, place.stop))
            self.tensors[place.node][place.name] = view

    def forward(
        self, x_RB: torch.Tensor, knobs: list[Knobs], draw: Draw | None = None
    ) -> torch.Tensor:
        """(R, B, outputs). `draw` says that this is training; `knobs` is one per node."""
        for index, node in enumerate(self.network.nodes):
            if node.noise and draw is None:
                continue
            step = Step(draw is not None, knobs[index], _of_node(draw, index))
            x_RB = node.layer.forward(x_RB, self.tensors[index], step)
        return x_RB

    def gradient(self, objective: torch.Tensor, into_AP: torch.Tensor) -> None:
        """d objective / d parameters, into (A, trained); its padding is left alone."""
        found = torch.autograd.grad(objective, self.leaves)
        for (start, stop), gradient in zip(self.slices, found, strict=True):
            into_AP[:, start:stop].copy_(gradient.flatten(1))


def _of_node(draw: Draw | None, index: int) -> Callable[[Shape], torch.Tensor] | None:
    return None if draw is None else lambda shape: draw(index, shape)
