"""A network on the rows of a state: forward for all runs at once, and back.

The way back is written here rather than left to autograd, whose bookkeeping costs as much as the
arithmetic of small models (a sweep of 32 MLPs 64-64-10 takes half as long). Each layer brings its
own vector-Jacobian product, by hand or by autograd of that layer alone. Nothing reduces over runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import torch

from core.architectures.network import Network, Node
from core.layers.layer import Pull, Shape, Step
from core.stack import Stack

Draw = Callable[[int, Shape, int, int], torch.Tensor]
"""(node, shape of one example, lo, hi) -> uniforms of shape (hi - lo, B, *shape)."""
Tensors = dict[str, torch.Tensor]


class Model:
    """Views into w (A, size), one per parameter, and into grad (A, trained) where it is trained."""

    def __init__(
        self, network: Network, w_AT: torch.Tensor, grad_AP: torch.Tensor | None = None
    ) -> None:
        self.network = network
        self.tensors: list[Tensors] = [{} for _ in network.nodes]
        self._into: list[Tensors] = [{} for _ in network.nodes]
        for place in network.places:
            span, shape = slice(place.start, place.stop), place.parameter.shape
            # .data: each view counts its own versions, so that batch norm may update its running
            # statistics between a neighbour's forward and backward pass
            self.tensors[place.node][place.name] = w_AT.data[:, span].unflatten(1, shape)
            if grad_AP is not None and place.parameter.role != "buffer":
                self._into[place.node][place.name] = grad_AP[:, span].unflatten(1, shape)
        trained = [index for index, into in enumerate(self._into) if into]
        self._first = min(trained, default=0)  # no gradient is wanted of anything before it

    def forward(
        self, x_RB: torch.Tensor, stacks: Sequence[Stack], draw: Draw | None = None
    ) -> torch.Tensor:
        """(R, B, outputs). `draw` says that this is training; `stacks` is one per node."""
        for index, node, step in self._steps(stacks, draw):
            x_RB = node.layer.forward(x_RB, self.tensors[index], step)
        return x_RB

    def vjp(
        self,
        x_RB: torch.Tensor,
        stacks: Sequence[Stack],
        draw: Draw | None,
        present_RB: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor], None]]:
        """`forward`, and pull: from dJ/d outputs, which it uses up, to all of grad_AP.

        grad's padding is left alone. pull lets go of activations as it goes. Where `present_RB`
        says that examples are padding, dJ/d outputs must be zero.
        """
        pulls: list[Pull] = []
        for index, node, step in self._steps(stacks, draw, present_RB):
            p, into, through = self.tensors[index], self._into[index], index > self._first
            x_RB, pull_node = node.layer.vjp(x_RB, p, step, into, through=through)
            pulls.append(pull_node)

        def pull(dy_RB: torch.Tensor) -> None:
            flowing: torch.Tensor | None = dy_RB
            while len(pulls) > self._first:
                assert flowing is not None, f"layer {len(pulls)} gave no gradient of its input"
                flowing = pulls.pop()(flowing)

        return x_RB, pull

    def _steps(
        self, stacks: Sequence[Stack], draw: Draw | None, present_RB: torch.Tensor | None = None
    ) -> Iterator[tuple[int, Node, Step]]:
        for index, node in enumerate(self.network.nodes):
            stack = stacks[index]
            uniform = None if draw is None else partial(draw, index)
            step = Step(draw is not None, stack.knobs, stack.acting, uniform, present_RB)
            yield index, node, step
