"""A network's forward pass for all runs at once, on the rows of a state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import torch

from core.architectures.network import Network
from core.layers.layer import Shape, Step
from core.train.program import Stack

Draw = Callable[[int, Shape, int, int], torch.Tensor]
"""(node, shape of one example, lo, hi) -> uniforms of shape (hi - lo, B, *shape)."""


class Model:
    """Views into w (A, size), one per parameter; autograd sees each as a leaf."""

    def __init__(self, network: Network, w_AT: torch.Tensor) -> None:
        self.network = network
        self.tensors: list[dict[str, torch.Tensor]] = [{} for _ in network.nodes]
        self.leaves: list[torch.Tensor] = []
        self.slices: list[tuple[int, int]] = []
        for place in network.places:
            # .data: each view counts its own versions, so that batch norm may update its running
            # statistics between a neighbour's forward and backward pass
            view = w_AT.data[:, place.start : place.stop]
            view = view.unflatten(1, place.parameter.shape)
            if place.parameter.role != "buffer":
                view.requires_grad_()
                self.leaves.append(view)
                self.slices.append((place.start, place.stop))
            self.tensors[place.node][place.name] = view

    def forward(
        self, x_RB: torch.Tensor, stacks: Sequence[Stack], draw: Draw | None = None
    ) -> torch.Tensor:
        """(R, B, outputs). `draw` says that this is training; `stacks` is one per node."""
        for index, node in enumerate(self.network.nodes):
            stack = stacks[index]
            uniform = None if draw is None else partial(draw, index)
            step = Step(draw is not None, stack.knobs, stack.acting, uniform)
            x_RB = node.layer.forward(x_RB, self.tensors[index], step)
        return x_RB

    def gradient(self, objective: torch.Tensor, into_AP: torch.Tensor) -> None:
        """d objective / d parameters, into (A, trained); its padding is left alone."""
        found = torch.autograd.grad(objective, self.leaves)
        for (start, stop), gradient in zip(self.slices, found, strict=True):
            part = into_AP[:, start:stop].unflatten(1, gradient.shape[1:])
            part.copy_(gradient)
