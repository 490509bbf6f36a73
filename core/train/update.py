"""One optimizer step for all runs: decay, penalties' gradients, step, proximal steps, constraints.

In place on (R, size) rows. Each regularizer touches the rows that have it and no others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from core.regularizers.regularizer import Constraint, Decay, Penalty

if TYPE_CHECKING:
    from core.train.block import Block


def update(block: Block, lr_R1: torch.Tensor) -> None:
    """From `block.grad`, the data term's gradient, to the next weights."""
    program = block.program
    for slot in program.penalties:
        assert isinstance(slot.term, Penalty)
        lo, hi, (a, b) = slot.lo, slot.hi, program.scope(slot)
        slot.term.add_gradient(block.grad[lo:hi, a:b], block.w[lo:hi, a:b], slot.knobs)
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
    for slot in program.constraints:
        assert isinstance(slot.term, Constraint)
        for place in program.weights_of(slot):
            rows = block.w[slot.lo : slot.hi, place.start : place.stop]
            weight = rows.unflatten(1, place.parameter.shape)
            slot.term.project(weight, place.parameter.fan_in, slot.knobs)


def _decay(block: Block, lr_R1: torch.Tensor) -> None:
    program = block.program
    own = program.optimizer.decay(program.optimizers.knobs)
    if own is not None:
        start, stop = program.network.slice_of("weight")
        block.w[:, start:stop].mul_(1 - lr_R1 * own[:, None])
    for slot in program.decays:
        assert isinstance(slot.term, Decay)
        lo, hi, (a, b) = slot.lo, slot.hi, program.scope(slot)
        slot.term.shrink(block.w[lo:hi, a:b], lr_R1[lo:hi], slot.knobs)


def _proximal(block: Block, lr_R1: torch.Tensor, step: torch.Tensor) -> None:
    program = block.program
    for slot in program.proximal:
        assert isinstance(slot.term, Penalty)
        lo, hi, (a, b) = slot.lo, slot.hi, program.scope(slot)
        size = step[lo:hi] if step.shape[1] == 1 else step[lo:hi, a:b]
        moved = slot.term.prox(block.w[lo:hi, a:b], size, slot.knobs)
        if moved is not None:
            state = {n: v[lo:hi, a:b] for n, v in block.optimizer.items()}
            program.optimizer.absorb(moved, state, lr_R1[lo:hi])
