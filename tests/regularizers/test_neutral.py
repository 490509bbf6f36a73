"""A neighbour that lacks a regularizer is given neutral knobs, which must change no bit of it."""

from __future__ import annotations

import math

import pytest
import torch

from core.losses import Loss
from core.regularizers import Regularizer
from core.regularizers.hooks import HOOKS
from core.regularizers.regularizer import Constraint, Decay, Noise, Penalty, Target
from core.term import Knobs
from tests.stacks import generator, stacked

MEMBERS = Regularizer.members()
ON_NUMBERS = (Penalty, Decay, Constraint, Noise)  # a step's hooks need one: tests/train
# Weights of any size that training meets, signed zeros among them.
SIZES = torch.tensor([0.0, -0.0, 1e-30, -1e-8, 0.3, -1.0, 7.0, -1e8])


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_regularizer_acts_in_exactly_one_place(kind):
    assert sum(issubclass(MEMBERS[kind], place) for place in HOOKS) == 1


@pytest.mark.parametrize("kind", MEMBERS)
def test_every_knob_of_a_regularizer_has_a_neutral_value(kind):
    """Otherwise a run could not share a cohort with one that lacks it."""
    knobs = {n: k for n, k in MEMBERS[kind].knobs().items() if not k.structural}
    assert knobs
    assert all(knob.neutral is not None for knob in knobs.values())


@pytest.mark.parametrize("kind", MEMBERS)
def test_the_direction_of_the_simpler_model_is_known_for_one_knob_at_least(kind):
    assert any(knob.simpler for knob in MEMBERS[kind].knobs().values())


def acted(term: Regularizer, w: torch.Tensor, knobs: Knobs) -> list[torch.Tensor]:
    """What becomes of weights (R, in, out) because of this term, in every way that it acts."""
    if isinstance(term, Constraint):
        made = w.clone()
        term.project(made, (1,), knobs)
        return [made]
    if isinstance(term, Noise):
        uniform = torch.rand(w.shape[1:], generator=generator(1))
        return [term.disturb(w, uniform.expand(w.shape), knobs)[0]]
    flat = w.flatten(1)
    if isinstance(term, Decay):
        made = flat.clone()
        term.shrink(made, torch.full((len(w), 1), 0.1), knobs)
        return [made]
    assert isinstance(term, Penalty)
    grad = flat.clone()  # any gradient will do
    term.add_gradient(grad, flat, knobs)
    found = [grad]
    for step in (torch.full((len(w), 1), 0.1), torch.full_like(flat, 1e8)):
        found.append(flat.clone())
        if term.proximal:
            term.prox(found[-1], step, knobs)
    return found


@pytest.mark.parametrize("kind", [k for k, m in MEMBERS.items() if issubclass(m, ON_NUMBERS)])
def test_a_run_without_the_regularizer_keeps_every_bit_beside_one_that_has_it(kind):
    term = MEMBERS[kind]()
    w = SIZES.view(1, 2, 4).expand(2, 2, 4).clone()
    both = acted(term, w, stacked([None, term]))
    alone = acted(term, w[1:], stacked([term]))
    for after, single in zip(both, alone, strict=True):
        assert torch.equal(after[0].flatten(), SIZES)
        assert torch.equal(after[1], single[0])
    assert any(not torch.equal(after[1].flatten(), SIZES) for after in both), "it acts on its run"


@pytest.mark.parametrize("kind", [k for k, m in MEMBERS.items() if issubclass(m, Target)])
def test_a_target_sets_a_knob_that_its_losses_have_within_the_same_bounds(kind):
    target = MEMBERS[kind]
    (mark,) = target.knobs().values()
    for loss_kind in target.loss_kinds:
        ((name, value),) = target().loss_knobs().items()
        knob = Loss.members()[loss_kind].knobs()[name]
        assert (knob.ge, knob.lt, knob.neutral) == (mark.ge, mark.lt, mark.neutral)
        assert value in target().model_dump().values()


def test_a_neutral_early_stopping_never_ends_a_run():
    knobs = stacked([None, MEMBERS["early_stopping"](patience=3)])
    assert knobs.patience.tolist() == [math.inf, 3]
