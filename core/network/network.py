"""A network: an architecture met with a dataset's shape. Arithmetic only, no tensors.

All parameters of one run lie in one row of length `size`, so that an optimizer step, a penalty or
a checkpoint is a few operations on one (R, size) tensor. Rows are ordered by role, weights first,
so that "all weights" is one slice; each tensor starts at a multiple of 16 numbers (64 bytes), as
matrix libraries promise the same bits only for the same alignment. Padding is zero for ever.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from core.architectures.architecture import Architecture
from core.datasets.fields import Field
from core.layers.layer import ROLES, Parameter, Role
from core.network.graph import Graph, LayerFault, Node
from core.regularizers import Regularizer
from core.regularizers.regularizer import Noise
from core.term import structure

ALIGN = 16


@dataclass(frozen=True)
class Place:
    """Where a parameter lies in a run's row."""

    node: int
    parameter: Parameter
    start: int
    stop: int  # of the numbers; the next tensor begins at the next multiple of ALIGN

    @property
    def name(self) -> str:
        return self.parameter.name


@dataclass(frozen=True)
class Network:
    """Layers in the order in which they run, and the layout of their parameters in a row."""

    nodes: tuple[Node, ...]
    places: tuple[Place, ...]
    inputs: tuple[Field, ...]
    outputs: int

    @property
    def size(self) -> int:
        """Length of a row, padding and buffers included."""
        return _aligned(self.places[-1].stop) if self.places else 0

    @property
    def trained(self) -> int:
        """Length of the part of a row that the optimizer updates: all but the buffers."""
        return self.slice_of("scale")[1]

    @property
    def parameters(self) -> int:
        """Trainable numbers of one run, padding not counted."""
        return sum(p.stop - p.start for p in self.places if p.parameter.role != "buffer")

    def slice_of(self, last: Role) -> tuple[int, int]:
        """[0, end) of the row that holds every role up to `last`."""
        roles = ROLES[: ROLES.index(last) + 1]
        return 0, max(
            (_aligned(p.stop) for p in self.places if p.parameter.role in roles), default=0
        )

    def label(self, place: Place) -> str:
        """`<layer>/<parameter>`, the name under which it is stored and served."""
        return f"{self.nodes[place.node].name}/{place.name}"

    def weights(self) -> tuple[Place, ...]:
        return tuple(p for p in self.places if p.parameter.role == "weight")

    @property
    def flops(self) -> int:
        """Of one example going forward."""
        return sum(n.flops for n in self.nodes)

    @property
    def activations(self) -> int:
        """Numbers of one example that a forward pass keeps."""
        inner = sum(n.layer.inner_of(*n.shapes_in) for n in self.nodes)
        given = sum(field.numbers for field in self.inputs)
        return given + inner + sum(math.prod(n.shape_out) for n in self.nodes)

    @cached_property
    def last_reads(self) -> tuple[tuple[int, ...], ...]:
        """For each node, the nodes that nobody reads after it."""
        last = {ref: index for index, node in enumerate(self.nodes) for ref in node.inputs}
        return tuple(
            tuple(ref for ref, reader in last.items() if reader == index)
            for index in range(len(self.nodes))
        )

    @property
    def width(self) -> int:
        """Numbers of one example between two layers, of all on average, and 1 at least."""
        return max(self.activations // max(len(self.nodes), 1), 1)


@lru_cache(maxsize=256)
def build(
    architecture: Architecture,
    inputs: tuple[Field, ...],
    outputs: int,
    *,
    noise: tuple[Noise, ...] = (),
) -> Network:
    """The network of an architecture; each `noise` acts after each hidden activation.

    Raises ValueError, a sentence that names the layer, where shapes do not fit.
    """
    graph = Graph(inputs, noise=noise)
    last = architecture.wire(graph, graph.inputs, outputs)
    nodes = graph.nodes
    while nodes and nodes[-1].noise and last == len(nodes) - 1:  # no hidden activation
        nodes.pop()
        last -= 1
    if graph.shape(last) != (outputs,):
        raise LayerFault(
            f"the last layer must give ({outputs},) outputs, and it gives {graph.shape(last)}",
            nodes[last].path if nodes else (),
        )
    _refuse_unread(nodes, last)
    return Network(tuple(nodes), _lay_out(nodes), inputs, outputs)


def noise_of(*regularizers: Sequence[Regularizer]) -> tuple[Noise, ...]:
    """One of each kind and structure of noise among the regularizers of some runs, in order."""
    found = {structure(r): r for some in regularizers for r in some if isinstance(r, Noise)}
    return tuple(sorted(found.values(), key=lambda term: str(structure(term))))


def _refuse_unread(nodes: Sequence[Node], last: int) -> None:
    """What nobody reads would be trained by its penalties alone."""
    read = {ref for node in nodes for ref in node.inputs} | {last}
    for index, node in enumerate(nodes):
        if index not in read:
            raise LayerFault(f'nothing reads the layer "{node.name}"; leave it out', node.path)


def _lay_out(nodes: Sequence[Node]) -> tuple[Place, ...]:
    found = [(i, p) for i, n in enumerate(nodes) for p in n.layer.parameters_of(*n.shapes_in)]
    places: list[Place] = []
    start = 0
    for node, parameter in sorted(found, key=lambda pair: ROLES.index(pair[1].role)):
        stop = start + math.prod(parameter.shape)
        places.append(Place(node, parameter, start, stop))
        start = _aligned(stop)
    return tuple(places)


def _aligned(length: int) -> int:
    return -(-length // ALIGN) * ALIGN
