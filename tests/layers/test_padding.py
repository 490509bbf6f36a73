"""Examples that are padding change nothing: neither outputs of others, nor gradients, nor state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import torch

from core.layers.layer import Drawn, Shape, Step
from tests.layers.uses import B, R, Use, copies, inputs, primitive, tensors, uses
from tests.stacks import generator, stacked

COUNTS = (6, 4, 1)  # examples of three runs in a minibatch of six


@pytest.mark.parametrize("use", uses(primitive))
def test_a_padded_minibatch_gives_what_each_run_gets_from_its_own_examples(use: Use) -> None:
    layers, drawn, xs_RB = use.layers, tensors(use), inputs(use)
    dy_RB = torch.randn(R, B, *use.shape_out, generator=generator(2))
    present_RB = torch.stack([(torch.arange(B) < count).float() for count in COUNTS])
    knobs = stacked(layers)

    def pass_over(rows: slice, count: int, present: torch.Tensor | None) -> list[torch.Tensor]:
        p = copies({n: v[rows] for n, v in drawn.items()})
        into = {n: torch.zeros_like(v) for n, v in p.items() if drawn[n].requires_grad}
        some = type(knobs)({n: v[rows] for n, v in vars(knobs).items()})
        every = ((0, len(dy_RB[rows])),)

        def uniforms(shape: Shape, acting: Sequence[tuple[int, int]]) -> Iterator[Drawn]:
            u_B = torch.rand(B, *shape, generator=generator(3))[:count]
            return ((slice(lo, hi), u_B.expand(hi - lo, count, *shape)) for lo, hi in acting)

        step = Step(True, some, every, uniforms, present)
        xs = [x_RB[rows, :count].clone() for x_RB in xs_RB]
        y, pull = layers[0].vjp_all(xs, p, step, into, through=True)
        y = y.clone()
        dy = dy_RB[rows, :count].clone()
        if present is not None:
            dy.mul_(present.reshape(*present.shape, *[1] * (dy.dim() - 2)))
        dxs = pull(dy)
        buffers = [v for n, v in p.items() if n not in into]
        return [y, *(dx for dx in dxs if dx is not None), *into.values(), *buffers]

    whole = pass_over(slice(None), B, present_RB)
    of_examples = 1 + sum(x_RB.is_floating_point() for x_RB in xs_RB)
    for r, count in enumerate(COUNTS):
        alone = pass_over(slice(r, r + 1), count, None)
        for i, (ours, theirs) in enumerate(zip(whole, alone, strict=True)):
            mine = ours[r : r + 1, :count] if i < of_examples else ours[r : r + 1]
            torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)
        for dx in whole[1:of_examples]:
            assert (dx[r, count:] == 0).all(), "padding must get no gradient"
