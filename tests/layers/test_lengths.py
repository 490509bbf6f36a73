"""A layer that reads examples of several lengths gives each what it has alone, cut at its end."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from core.layers import Layer
from core.layers.block import Block
from tests.layers.uses import R, Use, copies, step_of, tensors, uses
from tests.stacks import generator

EXAMPLES = 6


def reads_ragged(layer: Layer) -> bool:
    return not isinstance(layer, Block) and layer.of_ragged is not None


def of_sequences() -> list[object]:
    return [
        one
        for one in uses(reads_ragged)
        if all(len(shape) == 2 for shape in one.values[0].shapes)  # type: ignore[attr-defined]
        and one.values[0].kind != "position"  # type: ignore[attr-defined]  # as long as its data
    ]


def test_there_are_layers_of_every_sort() -> None:
    found = {one.values[0].layers[0].of_ragged for one in of_sequences()}  # type: ignore[attr-defined]
    assert found == {"apart", "mixes", "ends"}


@pytest.mark.parametrize("use", of_sequences())
def test_what_follows_the_end_changes_nothing(use: Use) -> None:
    layer, p = use.layers[0], copies(tensors(use))
    moments = use.shapes[0][0]
    length_RB = torch.arange(R * EXAMPLES).reshape(R, EXAMPLES) % moments + 1
    xs = [
        torch.randn(R, EXAMPLES, *shape, generator=generator(4 + i))
        for i, shape in enumerate(use.shapes)
    ]
    into = {n: torch.zeros_like(v) for n, v in p.items()}
    step = replace(step_of(use.layers, training=False), lengths_RB=length_RB)
    y, pull = layer.vjp_all(xs, p, step, into, through=True)
    y = y.clone()
    assert torch.allclose(layer.forward_all(xs, p, step)[0, 0, :1], y[0, 0, :1], atol=1e-6)
    dy = torch.randn(y.shape, generator=generator(2))
    keeps_time = layer.of_ragged != "ends"
    if keeps_time:
        dy *= (torch.arange(moments) < length_RB.unsqueeze(-1)).unsqueeze(-1)
    dxs = pull(dy.clone())
    total = {n: torch.zeros_like(v) for n, v in p.items()}
    for r in range(R):
        for b in range(EXAMPLES):
            length = int(length_RB[r, b])
            cut = [x[r : r + 1, b : b + 1, :length].clone() for x in xs]
            mine = {n: v[r : r + 1] for n, v in p.items()}
            own = {n: torch.zeros_like(v) for n, v in mine.items()}
            alone, back = layer.vjp_all(
                cut, mine, step_of(use.layers[:1], training=False), own, through=True
            )
            whole = y[r : r + 1, b : b + 1]
            torch.testing.assert_close(
                whole[:, :, :length] if keeps_time else whole, alone, rtol=1e-5, atol=1e-5
            )
            slope = dy[r : r + 1, b : b + 1]
            given = back((slope[:, :, :length] if keeps_time else slope).clone())
            for dx, expected in zip(dxs, given, strict=True):
                torch.testing.assert_close(
                    dx[r : r + 1, b : b + 1, :length], expected, rtol=1e-4, atol=1e-5
                )
                assert (dx[r, b, length:] == 0).all(), "what follows the end gets no gradient"
            for name, gradient in own.items():
                total[name][r] += gradient[0]
    for name, gradient in into.items():
        torch.testing.assert_close(gradient, total[name], rtol=1e-4, atol=1e-4)
