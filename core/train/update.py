"""One optimizer step for all runs: decay, penalties' gradients, step, proximal steps, constraints.

In place on (A, size) rows. Each regularizer touches the rows that have it and no others.
"""

from __future__ import annotations

import torch

from core.regularizers.regularizer import Constraint, Decay, Penalty
from core.train.program import Program
from core.train.state import State


def update(state: State, program: Program, lr_A1: torch.Tensor) -> None:
    """From `state.grad`, the data term's gradient, to the next weights."""
    knobs = program.optimizers.knobs
    for slot in program.penalties:
        assert isinstance(slot.term, Penalty)
        lo, hi, (a, b) = slot.lo, slot.hi, program.scope(slot)
        slot.term.add_gradient(state.grad[lo:hi, a:b], state.w[lo:hi, a:b], slot.knobs)
    _decay(state, program, lr_A1)
    trained = program.network.trained
    step = program.optimizer.step(
        state.w[:, :trained], state.grad, state.optimizer, knobs, lr_A1, state.steps
    )
    _proximal(state, program, lr_A1, step)
    for slot in program.constraints:
        assert isinstance(slot.term, Constraint)
        for place in program.weights_of(slot):
            block = state.w[slot.lo : slot.hi, place.start : place.stop]
            weight = block.unflatten(1, place.parameter.shape)
            slot.term.project(weight, place.parameter.fan_in, slot.knobs)


def _decay(state: State, program: Program, lr_A1: torch.Tensor) -> None:
    own = program.optimizer.decay(program.optimizers.knobs)
    if own is not None:
        start, stop = program.network.slice_of("weight")
        state.w[:, start:stop].mul_(1 - lr_A1 * own[:, None])
    for slot in program.decays:
        assert isinstance(slot.term, Decay)
        lo, hi, (a, b) = slot.lo, slot.hi, program.scope(slot)
        slot.term.shrink(state.w[lo:hi, a:b], lr_A1[lo:hi], slot.knobs)


def _proximal(state: State, program: Program, lr_A1: torch.Tensor, step: torch.Tensor) -> None:
    for slot in program.proximal:
        assert isinstance(slot.term, Penalty)
        lo, hi, (a, b) = slot.lo, slot.hi, program.scope(slot)
        size = step[lo:hi] if step.shape[1] == 1 else step[lo:hi, a:b]
        moved = slot.term.prox(state.w[lo:hi, a:b], size, slot.knobs)
        if moved is not None:
            block = {n: v[lo:hi, a:b] for n, v in state.optimizer.items()}
            program.optimizer.absorb(moved, block, lr_A1[lo:hi])
