"""The graph of a network: primitive layers in the order in which they run, and what each reads.

An architecture draws it by calling it: `h = graph(Conv2d(filters=f), x)` adds a layer that reads x.
A layer made of others lowers itself to those (`Layer.lower`), so that knobs, draws, penalties and
weights are those of single layers, named by their path: `residual_2/conv2d_0/weight`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.layers import Layer
from core.layers.layer import Ref, Shape
from core.layers.noise import NoiseLayer
from core.regularizers.regularizer import Noise

INPUT: Ref = -1  # what the network is given
Path = tuple[str | int, ...]


class LayerFault(ValueError):
    """A sentence about one layer; `path` leads to it from the architecture, as on the wire."""

    def __init__(self, sentence: str, path: Path) -> None:
        super().__init__(sentence)
        self.path = path


@dataclass(frozen=True)
class Node:
    """One layer in its place; `noise` is the regularizer that put it there.

    `path` leads to it from an architecture that is a list of layers; it is empty elsewhere.
    """

    name: str
    layer: Layer
    inputs: tuple[Ref, ...]
    shapes_in: tuple[Shape, ...]
    shape_out: Shape
    path: Path = ()
    noise: Noise | None = None

    @property
    def flops(self) -> int:
        """Of one example going forward."""
        return self.layer.flops_of(*self.shapes_in)


class Graph:
    """Adds layers; each noise follows each hidden activation."""

    def __init__(self, shape: Shape, *, noise: Sequence[Noise] = ()) -> None:
        self.nodes: list[Node] = []
        self._shape, self._noise = shape, noise
        self._names: list[str] = []  # of the layers that are being lowered, outermost first
        self._path: list[str | int] = []
        self._counts: dict[str, int] = {}
        self._claimed: dict[str, str] = {}

    def shape(self, ref: Ref) -> Shape:
        """Of one example there."""
        return self._shape if ref == INPUT else self.nodes[ref].shape_out

    def __call__(self, layer: Layer, *inputs: Ref, name: str | None = None) -> Ref:
        """Add a layer, or what it is made of; by default it is called `<kind>_<number>`.

        Raises ValueError, a sentence, where shapes do not fit or the name is taken.
        """
        around = "/".join(self._names)
        number = self._counts[around] = self._counts.get(around, -1) + 1
        name = name or layer.name or f"{layer.kind}_{number}"
        self._claim("/".join([*self._names, name]), number)
        self._names.append(name)
        try:
            return layer.lower(self, inputs)
        finally:
            self._names.pop()

    def chain(self, layers: Sequence[Layer], x: Ref, *, listed: bool = True) -> Ref:
        """Layers one after another, or each after those that its `input` names.

        `listed` ones are the field `layers` of an architecture or a block on the wire, so that
        paths lead to them.
        Raises LayerFault, which says which layer it is and what is wrong with it.
        """
        known = {"input": x}
        for index, layer in enumerate(layers):
            name = layer.name or f"{layer.kind}_{index}"
            self._path += ["layers", index] if listed else []
            try:
                inputs = [x] if layer.reads is None else [_named(n, known) for n in layer.reads]
                x = known[name] = self(layer, *inputs, name=name)
            except ValueError as error:
                path = error.path if isinstance(error, LayerFault) else tuple(self._path)
                raise LayerFault(f"layer {index} ({layer.kind}): {error}", path) from error
            if listed:
                del self._path[-2:]
        return x

    def primitive(self, layer: Layer, inputs: Sequence[Ref]) -> Ref:
        """Add one layer that is run as it is, under the name of the layer being lowered."""
        name, path = "/".join(self._names), tuple(self._path)
        shapes = tuple(self.shape(ref) for ref in inputs)
        after = layer.output_shape_of(*shapes)
        self.nodes.append(Node(name, layer, tuple(inputs), shapes, after, path))
        if layer.activates:
            self._disturb(name, after, path)
        return len(self.nodes) - 1

    def _disturb(self, name: str, shape: Shape, path: Path) -> None:
        """What follows the activation of a layer, under names that no layer can have."""
        seen: Counter[str] = Counter()
        for term in self._noise:
            seen[term.draws] += 1
            count = f"#{seen[term.draws]}" if seen[term.draws] > 1 else ""
            layer, before = NoiseLayer(kind=term.kind, noise=term), len(self.nodes) - 1
            path_to = f"{name}/{term.draws}{count}"
            self.nodes.append(Node(path_to, layer, (before,), (shape,), shape, path, term))

    def _claim(self, name: str, number: int) -> None:
        """Draws are a function of a layer's name, so no two layers may share one."""
        if name in self._claimed:
            raise ValueError(
                f'the name "{name}" is that of layer {self._claimed[name]}; use another'
            )
        self._claimed[name] = str(number)


def _named(name: str, known: dict[str, Ref]) -> Ref:
    if name not in known:
        near = ", ".join(f'"{other}"' for other in known)
        raise ValueError(f'it reads "{name}", and before it are {near}')
    return known[name]
