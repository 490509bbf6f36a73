"""Examples that are padding change nothing: neither outputs of others, nor gradients, nor state."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from core.layers import Layer
from core.layers.layer import Step
from tests.stacks import generator, stacked

BODIES: dict[str, dict[str, Any]] = {"conv2d": {"filters": 4}, "dense": {"units": 4}}
COUNTS = (6, 4, 1)  # examples of three runs in a minibatch of six
B = max(COUNTS)


def parameters(layer: Layer, shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
    drawn = generator(1)
    return {
        p.name: torch.rand(len(COUNTS), *p.shape, generator=drawn) for p in layer.parameters(shape)
    }


@pytest.mark.parametrize("kind", Layer.members())
def test_a_padded_minibatch_gives_what_each_run_gets_from_its_own_examples(kind):
    layer = Layer.members()[kind](**BODIES.get(kind, {}))
    shape = (5,) if kind == "dense" else (2, 6, 6)
    x_RB = torch.randn(len(COUNTS), B, *shape, generator=generator(0))
    dy_RB = torch.randn(len(COUNTS), B, *layer.output_shape(shape), generator=generator(2))
    u_RB = torch.rand(len(COUNTS), B, *shape, generator=generator(3))
    present_RB = torch.stack([(torch.arange(B) < count).float() for count in COUNTS])
    knobs = stacked([layer] * len(COUNTS)) if layer.knobs() else stacked([layer])

    def pass_over(rows: slice, count: int, present: torch.Tensor | None) -> list[torch.Tensor]:
        p = {n: v[rows].clone() for n, v in parameters(layer, shape).items()}
        roles = {q.name: q.role for q in layer.parameters(shape)}
        into = {n: torch.zeros_like(v) for n, v in p.items() if roles[n] != "buffer"}
        some = type(knobs)({n: v[rows] for n, v in vars(knobs).items()})
        every = ((0, len(dy_RB[rows])),)
        step = Step(True, some, every, lambda *_: [(slice(None), u_RB[rows, :count])], present)
        y, pull = layer.vjp(x_RB[rows, :count].clone(), p, step, into, through=True)
        y = y.clone()
        dy = dy_RB[rows, :count].clone()
        if present is not None:
            dy.mul_(present.reshape(*present.shape, *[1] * (dy.dim() - 2)))
        dx = pull(dy)
        buffers = [v for n, v in p.items() if n not in into]
        return [y, dx, *into.values(), *buffers]

    whole = pass_over(slice(None), B, present_RB)
    for r, count in enumerate(COUNTS):
        alone = pass_over(slice(r, r + 1), count, None)
        for i, (ours, theirs) in enumerate(zip(whole, alone, strict=True)):
            mine = ours[r : r + 1, :count] if i < 2 else ours[r : r + 1]
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
        assert (whole[1][r, count:] == 0).all(), "padding must get no gradient"
