"""One optimizer step for all runs: penalties' gradients, decay, step, proximal steps, constraints.

In place on (R, size) rows. Each regularizer touches the rows that have it and no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from core.train.block import Block


def update(block: Block, lr_R1: torch.Tensor) -> None:
    """From `block.grad`, the data term's gradient, to the next weights."""
    program = block.program
    for at in program.penalties:
        at.term.add_gradient(block.grad[at.rows, at.span], block.w[at.rows, at.span], at.knobs)
    if block.hooks is not None:
        block.hooks.on_gradient()
    _decay(block, lr_R1)
    step = program.optimizer.step(
        block.w[:, : program.network.trained],
        block.grad,
        block.optimizer,
        program.optimizers.knobs,
        lr_R1,
        block.t,
    )
    _proximal(block, lr_R1, step)
    _project(block)


def _decay(block: Block, lr_R1: torch.Tensor) -> None:
    program = block.program
    own = program.optimizer.decay(program.optimizers.knobs)
    if own is not None:
        start, stop = program.network.slice_of("weight")
        block.w[:, start:stop].mul_(1 - lr_R1 * own[:, None])
    for at in program.decays:
        at.term.shrink(block.w[at.rows, at.span], lr_R1[at.rows], at.knobs)


def _proximal(block: Block, lr_R1: torch.Tensor, step: torch.Tensor) -> None:
    program = block.program
    for at in program.proximal:
        size = step[at.rows] if step.shape[1] == 1 else step[at.rows, at.span]
        moved = at.term.prox(block.w[at.rows, at.span], size, at.knobs)
        if moved is not None:
            state = {n: v[at.rows, at.span] for n, v in block.optimizer.items()}
            program.optimizer.absorb(moved, state, lr_R1[at.rows])


def _project(block: Block) -> None:
    for at in block.program.constraints:
        for place in at.places:
            rows = block.w[at.rows, place.start : place.stop]
            weight = rows.unflatten(1, place.parameter.shape)
            at.term.project(weight, place.parameter.fan_in, at.knobs)
