"""What every architecture of the catalogue promises, on the examples that it declares itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch

from core.architectures import Architecture
from core.architectures.architecture import OUTPUTS
from core.layers.layer import Drawn, Example, Shape
from core.network import Network, build
from core.network.run import Model
from core.regularizers.dropout import Dropout
from tests.fields import fields_of, given, numbers
from tests.stacks import CPU, Stack, generator

R, B = 3, 5
SHAPES: list[Shape] = [(5,), (5, 6), (2, 6, 6)]


def examples() -> list[Any]:
    return [
        pytest.param(kind, example, id=f"{kind}-{i}")
        for kind, member in Architecture.members().items()
        for i, example in enumerate(member.examples())
    ]


def network_of(kind: str, example: Example) -> Network:
    architecture = Architecture.members()[kind].model_validate({"kind": kind, **example.body})
    return build(architecture, fields_of(example), OUTPUTS, noise=(Dropout(),))


def rows_of(network: Network) -> torch.Tensor:
    w = 0.3 * torch.randn(R, network.size, generator=generator(0))
    for place in network.places:
        if place.parameter.role in ("buffer", "scale"):
            w[:, place.start : place.stop] = place.parameter.start
    return w


def passed(network: Network, w: torch.Tensor, rows: slice) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs of a training step of these rows, and the gradients of their squares."""
    w = w[rows].clone()
    gradient = torch.zeros(len(w), network.trained)
    model = Model(network, w, gradient)
    stacks = [Stack([node.noise or node.layer] * len(w), CPU) for node in network.nodes]
    x = {name: value[rows] for name, value in given(network.inputs, R, B).items()}

    def draw(node: int, shape: Shape, acting: Sequence[tuple[int, int]]) -> Iterator[Drawn]:
        u_B = torch.rand(B, *shape, generator=generator(node))
        return ((slice(lo, hi), u_B.expand(hi - lo, B, *shape)) for lo, hi in acting)

    y, pull = model.vjp(x, stacks, draw)
    before = y.clone()
    pull(2 * y)
    return before, gradient


@pytest.mark.parametrize(("kind", "example"), examples())
def test_a_run_among_others_is_that_run_alone(kind: str, example: Example) -> None:
    network = network_of(kind, example)
    w = rows_of(network)
    y, gradient = passed(network, w, slice(None))
    assert y.shape == (R, B, OUTPUTS)
    assert gradient.isfinite().all()
    for r in range(R):
        alone = passed(network, w, slice(r, r + 1))
        torch.testing.assert_close(y[r : r + 1], alone[0], rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(gradient[r : r + 1], alone[1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("kind", "example"), examples())
def test_every_weight_gets_a_gradient(kind: str, example: Example) -> None:
    """A weight that nothing reads would be trained by its penalties alone."""
    network = network_of(kind, example)
    _, gradient = passed(network, rows_of(network), slice(None))
    for place in network.weights():
        assert gradient[:, place.start : place.stop].abs().sum() > 0, network.label(place)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize(("kind", "example"), examples())
def test_a_shape_fits_or_a_sentence_says_why_not(kind: str, example: Example, shape: Shape) -> None:
    architecture = Architecture.members()[kind].model_validate({"kind": kind, **example.body})
    assert_fits_or_says_why(
        architecture, shape, known=shape in example.shapes and not example.coded
    )


def assert_fits_or_says_why(architecture: Architecture, shape: Shape, *, known: bool) -> None:
    try:
        built = build(architecture, numbers(shape), OUTPUTS)
    except ValueError as error:
        sentence = str(error)
    else:
        assert built.nodes[-1].shape_out == (OUTPUTS,)
        return
    assert not known
    assert " " in sentence
