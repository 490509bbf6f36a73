"""The graph of a network: primitive layers in the order in which they run, and what each reads.

An architecture draws it by calling it: `h = graph(Conv2d(filters=f), x)` adds a layer that reads x.
A layer made of others lowers itself to those (`Layer.lower`), so that knobs, draws, penalties and
weights are those of single layers, named by their path: `residual_2/conv2d_0/weight`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.fields import Field
from core.layers import Layer
from core.layers.layer import Ref, Shape
from core.layers.noise import NoiseLayer
from core.regularizers.regularizer import Noise

INPUT: Ref = -1  # the first field that the network is given; the next is -2
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
    lengths: Ref | None = None  # the field whose lengths say where what it reads ends

    @property
    def flops(self) -> int:
        """Of one example going forward."""
        return self.layer.flops_of(*self.shapes_in)


class Graph:
    """Adds layers; each noise follows each hidden activation."""

    def __init__(self, fields: Sequence[Field], *, noise: Sequence[Noise] = ()) -> None:
        self.nodes: list[Node] = []
        self._fields, self._noise = tuple(fields), noise
        self._ragged: dict[Ref, Ref] = {
            ref: ref for ref in self.inputs.values() if self.field(ref).ragged
        }
        self._names: list[str] = []  # of the layers that are being lowered, outermost first
        self._path: list[str | int] = []
        self._counts: dict[str, int] = {}
        self._claimed: dict[str, str] = {}

    @property
    def inputs(self) -> dict[str, Ref]:
        """What the network is given, by the names of the fields."""
        return {field.name: INPUT - place for place, field in enumerate(self._fields)}

    def field(self, ref: Ref) -> Field:
        """What the network is given there."""
        return self._fields[INPUT - ref]

    def shape(self, ref: Ref) -> Shape:
        """Of one example there."""
        return self.field(ref).shape if ref <= INPUT else self.nodes[ref].shape_out

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
        known = {"input": x, **(self.inputs if listed and len(self._fields) > 1 else {})}
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
        layer = self._met(layer, inputs)
        shapes = tuple(self.shape(ref) for ref in inputs)
        after = layer.output_shape_of(*shapes)
        lengths = self._lengths(layer, inputs)
        self.nodes.append(Node(name, layer, tuple(inputs), shapes, after, path, lengths=lengths))
        if lengths is not None and layer.of_ragged != "ends":
            self._ragged[len(self.nodes) - 1] = lengths
        if layer.activates:
            self._disturb(name, after, path)
        return len(self.nodes) - 1

    def coded(self, ref: Ref) -> bool:
        """Whether ids or tokens are there, and not numbers."""
        return ref <= INPUT and self.field(ref).coded

    def _met(self, layer: Layer, inputs: Sequence[Ref]) -> Layer:
        """The layer as it is where it reads these: one that reads ids or tokens learns how many."""
        for ref in inputs:
            if self.coded(ref):
                return layer.for_coded(self.field(ref))
        if layer.reads_coded:
            raise ValueError(f"{layer.kind} reads ids or tokens, and here it reads numbers")
        return layer

    def _lengths(self, layer: Layer, inputs: Sequence[Ref]) -> Ref | None:
        """The field whose lengths tell where what it reads ends, None where nothing does."""
        found = {self._ragged[ref] for ref in inputs if ref in self._ragged}
        if not found:
            return None
        if layer.of_ragged is None:
            raise ValueError(
                f"{layer.kind} would mix what follows the end of a shorter text into it; put "
                "global_average_pool, global_max_pool or a gru before it"
            )
        if len(found) > 1:
            raise ValueError(f"{layer.kind} reads two texts of different lengths")
        return found.pop()

    def _disturb(self, name: str, shape: Shape, path: Path) -> None:
        """What follows the activation of a layer, under names that no layer can have."""
        seen: Counter[str] = Counter()
        for term in self._noise:
            seen[term.draws] += 1
            count = f"#{seen[term.draws]}" if seen[term.draws] > 1 else ""
            layer, before = NoiseLayer(kind=term.kind, noise=term), len(self.nodes) - 1
            path_to = f"{name}/{term.draws}{count}"
            self.nodes.append(Node(path_to, layer, (before,), (shape,), shape, path, term))
            if before in self._ragged:
                self._ragged[before + 1] = self._ragged[before]

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
