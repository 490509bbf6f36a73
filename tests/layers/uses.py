"""Every use of every layer, as the catalogue declares them (`Layer.examples`), for three runs.

A layer made of others is run as the network that it lowers to, its parameters named by their paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from core.datasets.fields import ONLY
from core.layers import Layer
from core.layers.block import Block
from core.layers.layer import Alone, Drawn, Example, Parameter, Shape, Step
from core.network import INPUT, Graph, Network, Node
from core.network.run import forward
from tests.fields import fields_of, given, numbers
from tests.stacks import generator, stacked

R, B = 3, 6
Tensors = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Use:
    """One example of one kind."""

    kind: str
    example: Example

    @property
    def shapes(self) -> tuple[Shape, ...]:
        return self.example.shapes

    @property
    def layers(self) -> list[Layer]:
        """One for each run."""
        member = Layer.members()[self.kind]
        bodies = [{**self.example.body, **knobs} for knobs in self.example.runs]
        return [member.model_validate({"kind": self.kind, **body}) for body in bodies]

    @property
    def parameters(self) -> dict[str, Parameter]:
        return {
            f"{node.name}/{p.name}" if isinstance(self.layers[0], Block) else p.name: p
            for node in self.nodes(self.layers[0])
            for p in node.layer.parameters_of(*node.shapes_in)
        }

    @property
    def shape_out(self) -> Shape:
        return self.nodes(self.layers[0])[-1].shape_out

    def nodes(self, layer: Layer) -> list[Node]:
        """What it lowers to; itself alone if it is no block."""
        if not isinstance(layer, Block):
            after = layer.output_shape_of(*self.shapes)
            return [Node("", layer, tuple(range(-len(self.shapes), 0)), self.shapes, after)]
        (shape,) = self.shapes
        graph = Graph(numbers(shape))
        assert graph.chain([layer], INPUT) == len(graph.nodes) - 1
        top = f"{layer.kind}_0/"
        return [
            Node(n.name.removeprefix(top), n.layer, n.inputs, n.shapes_in, n.shape_out)
            for n in graph.nodes
        ]

    def run(self, xs_RB: Sequence[torch.Tensor], p: Tensors, *, training: bool) -> torch.Tensor:
        """(R, B, *shape_out), of `tensors`."""
        layers = self.layers
        if not isinstance(layers[0], Block):
            return layers[0].forward_all(xs_RB, p, step_of(layers, training=training))
        networks = [self.nodes(layer) for layer in layers]
        nodes = networks[0]
        named = [
            {q.name: p[f"{n.name}/{q.name}"] for q in n.layer.parameters_of(*n.shapes_in)}
            for n in nodes
        ]
        steps = [
            step_of([made[i].layer for made in networks], training=training)
            for i in range(len(nodes))
        ]
        network = Network(tuple(nodes), (), numbers(self.shapes[0]), 0)
        return forward(network, named, {ONLY: xs_RB[0]}, steps)


def uses(fits: Callable[[Layer], bool] = lambda layer: True) -> list[Any]:
    """Of the layers that fit, as parameters of a test."""
    return [
        pytest.param(use, id=f"{kind}-{len(example.shapes[0])}d-{i}")
        for kind, member in Layer.members().items()
        for i, example in enumerate(member.examples())
        if fits((use := Use(kind, example)).layers[0])
    ]


def primitive(layer: Layer) -> bool:
    return not isinstance(layer, Block)


def tensors(use: Use, seed: int = 1) -> Tensors:
    """Random values for each of the parameters, of three runs."""
    made = {}
    for index, (name, parameter) in enumerate(use.parameters.items()):
        value = torch.randn(R, *parameter.shape, generator=generator(seed + index))
        value = value * (min(1.0, 2 * parameter.bound) or 1.0)  # as large as in training
        if parameter.name == "running_var":
            value = value.abs() + 0.5
        made[name] = value.requires_grad_(parameter.role != "buffer")
    return made


def inputs(use: Use, rows: int = R, seed: int = 0) -> list[torch.Tensor]:
    if use.example.coded:
        return list(given(fields_of(use.example), rows, B).values())
    return [
        torch.randn(rows, B, *shape, generator=generator(seed + 100 * i))
        for i, shape in enumerate(use.shapes)
    ]


def step_of(layers: Sequence[Layer], *, training: bool) -> Step:
    def uniforms(shape: Shape, acting: Sequence[tuple[int, int]]) -> Iterator[Drawn]:
        return ((slice(lo, hi), draws(shape).expand(hi - lo, B, *shape)) for lo, hi in acting)

    return Step(training, stacked(layers), ((0, R),), uniforms if training else None)


def draws(shape: Shape) -> torch.Tensor:
    return torch.rand(B, *shape, generator=generator(9))


def alone(use: Use, xs_RB: Sequence[torch.Tensor], p: Tensors, *, training: bool) -> Iterator[Any]:
    """What the reference gives for each run, with leaves of its own: (y, inputs, parameters)."""
    for r, layer in enumerate(use.layers):
        xs_B = [x_RB[r].detach().clone() for x_RB in xs_RB]
        for x_B in xs_B:
            x_B.requires_grad_(x_B.is_floating_point())
        mine = {n: v[r].detach().clone().requires_grad_(v.requires_grad) for n, v in p.items()}
        yield layer.reference(xs_B, mine, Alone(training, draws)), xs_B, mine


def copies(p: Mapping[str, torch.Tensor]) -> Tensors:
    return {name: value.detach().clone() for name, value in p.items()}
