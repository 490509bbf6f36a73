"""A network on the rows of a state: forward for all runs at once, and back.

The way back is written here rather than left to autograd, whose bookkeeping costs as much as the
arithmetic of small models (a sweep of 32 MLPs 64-64-10 takes half as long). Each layer brings its
own vector-Jacobian product, by hand or by autograd of that layer alone. Nothing reduces over runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Protocol

from core.datasets.fields import NOTHING
from core.layers.layer import Drawn, PullAll, Ref, Shape, Step
from core.network.graph import INPUT
from core.network.network import Network
from core.tensors import torch
from core.term import Knobs

Span = tuple[int, int]
Draw = Callable[[int, Shape, Sequence[Span]], Iterable[Drawn]]
"""(node, shape of one example, segments of rows) -> each segment and its uniforms."""
Tensors = dict[str, "torch.Tensor"]
Given = Mapping[str, "torch.Tensor"]
"""(R, B, *shape) of each field, by name: numbers, or ids and tokens of int64."""


class Stack(Protocol):
    """One layer's knobs for all runs, and the segments [lo, hi) outside which they are neutral."""

    @property
    def knobs(self) -> Knobs: ...
    @property
    def acting(self) -> Sequence[Span]: ...


class Model:
    """Views into w (A, size), one per parameter, and into grad (A, trained) where it is trained.

    `to_inputs`: the way back goes on to what the network is given.
    """

    def __init__(
        self,
        network: Network,
        w_AT: torch.Tensor,
        grad_AP: torch.Tensor | None = None,
        *,
        to_inputs: bool = False,
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
        # whether a gradient is wanted of each node's inputs, and of its output
        self._through: list[bool] = []
        wanted: list[bool] = []
        for node, into in zip(network.nodes, self._into, strict=True):
            wanted_of = (to_inputs if ref <= INPUT else wanted[ref] for ref in node.inputs)
            self._through.append(any(wanted_of))
            wanted.append(bool(into) or self._through[-1])
        self._wanted, self._to_inputs = wanted, to_inputs

    def forward(
        self, given: Given, stacks: Sequence[Stack], draw: Draw | None = None
    ) -> torch.Tensor:
        """(R, B, outputs). `draw` says that this is training; `stacks` is one per node."""
        steps = self._steps(given, stacks, draw)
        return forward(self.network, self.tensors, given, steps)

    def vjp(
        self,
        given: Given,
        stacks: Sequence[Stack],
        draw: Draw | None,
        present_RB: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, Callable[[torch.Tensor], Given]]:
        """`forward`, and pull: from dJ/d outputs, which it uses up, to all of grad_AP.

        pull gives dJ/d inputs where that is wanted. grad's padding is left alone. pull lets go of
        activations as it goes. Where `present_RB` says that examples are padding, dJ/d outputs
        must be zero.
        """
        nodes, outputs = self.network.nodes, first_outputs(self.network, given)
        pulls: list[PullAll] = []
        for index, step in enumerate(self._steps(given, stacks, draw, present_RB)):
            node, p, into = nodes[index], self.tensors[index], self._into[index]
            xs_RB = [outputs[ref] for ref in node.inputs]
            outputs[index], pull_node = node.layer.vjp_all(
                xs_RB, p, step, into, through=self._through[index]
            )
            pulls.append(pull_node)
            for ref in self.network.last_reads[index]:
                del outputs[ref]

        def pull(dy_RB: torch.Tensor) -> Given:
            reached: dict[Ref, torch.Tensor] = {}
            flowing: list[torch.Tensor | None] = [None] * len(nodes)
            flowing[-1] = dy_RB
            for index in reversed(range(len(nodes))):
                pull_node, dy = pulls.pop(), flowing.pop()
                if not self._wanted[index]:
                    continue
                assert dy is not None, f"no gradient reached {nodes[index].name}"
                for ref, dx in zip(nodes[index].inputs, pull_node(dy), strict=True):
                    if ref <= INPUT and dx is not None and self._to_inputs:
                        before = reached.get(ref)
                        reached[ref] = dx if before is None else before.add_(dx)
                    elif dx is not None and ref > INPUT and self._wanted[ref]:
                        before = flowing[ref]
                        flowing[ref] = dx if before is None else before.add_(dx)
            fields = enumerate(self.network.inputs)
            return {f.name: reached[INPUT - i] for i, f in fields if INPUT - i in reached}

        return outputs[len(nodes) - 1], pull

    def _steps(
        self,
        given: Given,
        stacks: Sequence[Stack],
        draw: Draw | None,
        present_RB: torch.Tensor | None = None,
    ) -> Iterator[Step]:
        lengths = lengths_of(self.network, given)
        for index, (node, stack) in enumerate(zip(self.network.nodes, stacks, strict=True)):
            uniforms = None if draw is None else partial(draw, index)
            length_RB = None if node.lengths is None else lengths[node.lengths]
            yield Step(draw is not None, stack.knobs, stack.acting, uniforms, present_RB, length_RB)


def forward(
    network: Network,
    tensors: Sequence[Mapping[str, torch.Tensor]],
    given: Given,
    steps: Iterable[Step],
) -> torch.Tensor:
    """(R, B, outputs), of each node's tensors; an output is let go when all have read it."""
    outputs = first_outputs(network, given)
    for index, (node, p, step) in enumerate(zip(network.nodes, tensors, steps, strict=True)):
        outputs[index] = node.layer.forward_all([outputs[ref] for ref in node.inputs], p, step)
        for ref in network.last_reads[index]:
            del outputs[ref]
    return outputs[len(network.nodes) - 1]


def first_outputs(network: Network, given: Given) -> dict[Ref, torch.Tensor]:
    """What the first layers read, by reference."""
    return {INPUT - place: given[field.name] for place, field in enumerate(network.inputs)}


def lengths_of(network: Network, given: Given) -> dict[Ref, torch.Tensor]:
    """(R, B) moments of each text, by reference of its field: all up to the last word."""
    return {
        INPUT - place: ends(given[field.name])
        for place, field in enumerate(network.inputs)
        if field.ragged
    }


def ends(token_RBT: torch.Tensor) -> torch.Tensor:
    """(R, B) where texts end: what follows is NOTHING."""
    moment_T = torch.arange(1, token_RBT.shape[-1] + 1, device=token_RBT.device)
    end_RB: torch.Tensor = torch.where(token_RBT == NOTHING, 0, moment_T).amax(-1)
    return end_RB
