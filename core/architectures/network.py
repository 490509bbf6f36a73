"""A network: an architecture met with a dataset's shape. Arithmetic only, no tensors.

All parameters of one run lie in one row of length `size`, so that an optimizer step, a penalty or
a checkpoint is a few operations on one (R, size) tensor. Rows are ordered by role, weights first,
so that "all weights" is one slice; each tensor starts at a multiple of 16 numbers (64 bytes), as
matrix libraries promise the same bits only for the same alignment. Padding is zero for ever.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from core.architectures.architecture import Architecture
from core.layers import Layer
from core.layers.layer import ROLES, Composite, Parameter, Role, Shape
from core.layers.noise import NoiseLayer
from core.regularizers import Regularizer
from core.regularizers.regularizer import Noise
from core.term import structure

ALIGN = 16


@dataclass(frozen=True)
class Node:
    """One layer in its place; `noise` is the regularizer that put it there."""

    name: str
    layer: Layer
    shape_in: Shape
    shape_out: Shape
    noise: Noise | None = None


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
    """Layers in order, and the layout of their parameters in a row."""

    nodes: tuple[Node, ...]
    places: tuple[Place, ...]
    shape: Shape
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
        return sum(n.layer.flops(n.shape_in) for n in self.nodes)

    @property
    def activations(self) -> int:
        """Numbers of one example that a forward pass keeps."""
        return math.prod(self.shape) + sum(math.prod(n.shape_out) for n in self.nodes)

    @property
    def width(self) -> int:
        """Numbers of one example between two layers, of all on average, and 1 at least."""
        return max(self.activations // max(len(self.nodes), 1), 1)


@lru_cache(maxsize=256)
def build(
    architecture: Architecture, shape: Shape, outputs: int, *, noise: tuple[Noise, ...] = ()
) -> Network:
    """The network of an architecture; each `noise` acts after each hidden activation.

    Raises ValueError, a sentence that names the layer, where shapes do not fit.
    """
    nodes: list[Node] = []
    named: dict[str, int] = {}
    for index, listed in enumerate(architecture.layers_for(shape, outputs)):
        for name, layer in lowered(listed, index):
            before = nodes[-1].shape_out if nodes else shape
            try:
                after = layer.output_shape(before)
                _claim(name, index, named)
            except ValueError as error:
                raise ValueError(f"layer {index} ({layer.kind}): {error}") from error
            nodes.append(Node(name, layer, before, after))
            if layer.activates:
                nodes += _noisy(name, noise, after)
    while nodes and nodes[-1].noise:  # the outputs are not a hidden activation
        nodes.pop()
    if not nodes or nodes[-1].shape_out != (outputs,):
        last = nodes[-1].shape_out if nodes else shape
        raise ValueError(f"the last layer must give ({outputs},) outputs, and it gives {last}")
    return Network(tuple(nodes), _lay_out(nodes), shape, outputs)


def lowered(layer: Layer, index: int, above: str = "") -> Iterator[tuple[str, Layer]]:
    """The name and the layer of every node that one listed layer becomes, in order."""
    name = f"{above}{layer.name or f'{layer.kind}_{index}'}"
    if not isinstance(layer, Composite):
        yield name, layer
        return
    for place, inner in enumerate(layer.inner()):
        yield from lowered(inner, place, f"{name}/")


def noise_of(*regularizers: Sequence[Regularizer]) -> tuple[Noise, ...]:
    """One of each kind and structure of noise among the regularizers of some runs, in order."""
    found = {structure(r): r for some in regularizers for r in some if isinstance(r, Noise)}
    return tuple(sorted(found.values(), key=lambda term: str(structure(term))))


def _noisy(name: str, noise: Sequence[Noise], shape: Shape) -> Iterator[Node]:
    """What follows the activation of a layer, under names that no layer can have."""
    seen: Counter[str] = Counter()
    for term in noise:
        seen[term.draws] += 1
        count = f"#{seen[term.draws]}" if seen[term.draws] > 1 else ""
        layer = NoiseLayer(kind=term.kind, noise=term)
        yield Node(f"{name}/{term.draws}{count}", layer, shape, shape, term)


def _claim(name: str, index: int, named: dict[str, int]) -> None:
    """Draws are a function of a layer's name, so no two layers may share one."""
    if name in named:
        raise ValueError(f'the name "{name}" is that of layer {named[name]}; use another')
    named[name] = index


def _lay_out(nodes: Sequence[Node]) -> tuple[Place, ...]:
    found = [(i, p) for i, n in enumerate(nodes) for p in n.layer.parameters(n.shape_in)]
    places: list[Place] = []
    start = 0
    for node, parameter in sorted(found, key=lambda pair: ROLES.index(pair[1].role)):
        stop = start + math.prod(parameter.shape)
        places.append(Place(node, parameter, start, stop))
        start = _aligned(stop)
    return tuple(places)


def _aligned(length: int) -> int:
    return -(-length // ALIGN) * ALIGN
