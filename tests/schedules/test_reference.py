"""Every schedule of the catalogue against torch.optim.lr_scheduler, and warm-up by hand."""

from __future__ import annotations

from contextlib import suppress

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from pydantic import ValidationError

from core.schedules import Schedule

STEPS, EPOCHS = 7, 12


def _warms(member: type[Schedule]) -> bool:
    with suppress(ValidationError):
        return bool(member(warmup_epochs=1))
    return False


ALL = [
    pytest.param(Schedule.members()[kind](**body), id=f"{kind}-{i}")
    for kind in Schedule.members()
    for i, body in enumerate(Schedule.members()[kind].examples())
]

# the others rise by themselves, and refuse it
WARMED = [k for k, member in Schedule.members().items() if _warms(member)]


def whole(schedule: Schedule, steps: int, epochs: int) -> np.ndarray:
    return np.concatenate([schedule.factors(epoch, steps, epochs) for epoch in range(epochs)])


@pytest.mark.parametrize("schedule", ALL)
def test_every_step_has_the_factor_that_torch_gives_it(schedule):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    reference = schedule.reference(optimizer, STEPS, EPOCHS)
    expected = []
    for _ in range(STEPS * EPOCHS):
        expected += reference.get_last_lr()
        optimizer.step()
        reference.step()
    np.testing.assert_allclose(whole(schedule, STEPS, EPOCHS), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", WARMED)
def test_warm_up_rises_in_equal_steps_from_above_zero_and_then_the_schedule_begins(kind):
    schedule = Schedule.members()[kind](warmup_epochs=1.5)
    found = whole(schedule, 4, 6)
    np.testing.assert_allclose(found[:6], np.arange(1, 7) / 6)
    rest = Schedule.members()[kind]()
    share = np.arange(0, 18) / 18
    np.testing.assert_allclose(found[6:], rest.after_warmup(share, 4.5 * share))


def test_a_falling_schedule_counts_its_epochs_from_the_end_of_warm_up():
    schedule = Schedule.members()["step"](every=2, gamma=0.5, warmup_epochs=1)
    found = [schedule.factors(epoch, 2, 6).tolist() for epoch in range(6)]
    assert found == [[0.5, 1.0], [1, 1], [1, 1], [0.5, 0.5], [0.5, 0.5], [0.25, 0.25]]


@pytest.mark.parametrize("kind", WARMED)
def test_a_warm_up_longer_than_training_never_arrives(kind):
    found = whole(Schedule.members()[kind](warmup_epochs=20), 4, 10)
    np.testing.assert_allclose(found, np.arange(1, 41) / 80)


@examples(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(list(Schedule.members())),
    steps=st.integers(1, 50),
    epochs=st.integers(1, 40),
    warmup=st.floats(0, 50),
)
def test_every_factor_is_above_zero_and_at_most_one(kind, steps, epochs, warmup):
    """Zero would divide by zero where a momentum absorbs a proximal step."""
    schedule = Schedule.members()[kind](warmup_epochs=warmup if kind in WARMED else 0)
    found = whole(schedule, steps, epochs)
    assert found.shape == (steps * epochs,)
    assert found.dtype == np.float64
    assert (found > 0).all()
    assert (found <= 1 + 1e-12).all()


@pytest.mark.parametrize("schedule", ALL)
def test_an_epoch_is_a_function_of_its_number_only(schedule):
    last = schedule.factors(EPOCHS - 1, STEPS, EPOCHS)
    assert np.array_equal(last, whole(schedule, STEPS, EPOCHS)[-STEPS:])


def test_a_schedule_that_rises_by_itself_refuses_a_warm_up_before_it():
    with pytest.raises(ValidationError, match="one_cycle rises by itself; leave warmup_epochs out"):
        Schedule.members()["one_cycle"](warmup_epochs=1)
