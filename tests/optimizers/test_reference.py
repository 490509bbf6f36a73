"""Every optimizer of the catalogue against torch.optim: sixty steps, three runs at once."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pytest
import torch

from core.optimizers import Optimizer
from core.term import structure
from tests.stacks import generator, stacked

K, PADDED, STEPS = 8, 12, 60  # K weights, then biases, of which the last two are padding
WEIGHTS, BIASES = slice(0, K), slice(K, PADDED - 2)


def cohorts() -> list[Any]:
    """Examples that differ in knobs only make one cohort."""
    found: dict[Hashable, list[Optimizer]] = {}
    for member in Optimizer.members().values():
        for body in member.examples():
            optimizer = member(**body)
            found.setdefault(structure(optimizer), []).append(optimizer)
    return [
        pytest.param(cohort, id=f"{cohort[0].kind}-{i}") for i, cohort in enumerate(found.values())
    ]


def slope(w: torch.Tensor) -> torch.Tensor:
    """A gradient that depends on w, of no quadratic; nothing pulls at zeros in the padding."""
    return torch.sin(3 * w) + w


def factor(t: int) -> float:
    """A learning-rate schedule."""
    return 1 / (1 + 0.05 * t)


def start(runs: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    w = torch.randn(runs, PADDED, generator=generator(0), dtype=torch.float64)
    w[:, BIASES.stop :] = 0
    return w.to(dtype)


def trained(cohort: list[Optimizer], w: torch.Tensor) -> dict[str, torch.Tensor]:
    """Sixty steps of every run, decay on weights only, in place. The state is returned."""
    optimizer, knobs = cohort[0], stacked(cohort, w.dtype)
    state = {name: torch.zeros_like(w) for name in optimizer.states()}
    decay = optimizer.decay(knobs)
    for t in range(1, STEPS + 1):
        lr_R1 = knobs.lr[:, None] * factor(t)
        grad = slope(w)
        if decay is not None:
            w[:, WEIGHTS] *= 1 - lr_R1 * decay[:, None]
        optimizer.step(w, grad, state, knobs, lr_R1, t)
    return state


@pytest.mark.parametrize("cohort", cohorts())
def test_sixty_steps_under_a_schedule_are_those_of_torch(cohort):
    w = start(len(cohort))
    trained(cohort, w)
    for r, optimizer in enumerate(cohort):
        weights, biases = (start(len(cohort))[r, part].clone() for part in (WEIGHTS, BIASES))
        params = [weights.requires_grad_()], [biases.requires_grad_()]
        reference = optimizer.reference(*params)
        for t in range(1, STEPS + 1):
            for group in reference.param_groups:
                group["lr"] = optimizer.lr * factor(t)
            weights.grad, biases.grad = slope(weights.detach()), slope(biases.detach())
            reference.step()
        expected = torch.cat([weights.detach(), biases.detach()])
        torch.testing.assert_close(w[r, : BIASES.stop], expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("cohort", cohorts())
def test_float32_stays_near(cohort):
    w, exact = start(len(cohort), torch.float32), start(len(cohort))
    trained(cohort, w)
    trained(cohort, exact)
    torch.testing.assert_close(w.double(), exact, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("cohort", cohorts())
def test_padding_stays_zero_in_the_weights(cohort):
    w = start(len(cohort), torch.float32)
    trained(cohort, w)
    assert torch.equal(w[:, BIASES.stop :], torch.zeros(len(cohort), PADDED - BIASES.stop))


@pytest.mark.parametrize("cohort", cohorts())
def test_a_run_alone_and_one_beside_a_diverged_neighbour_are_bit_identical(cohort):
    beside, alone = start(len(cohort), torch.float32), start(len(cohort), torch.float32)[:1]
    beside[1] = float("nan")
    trained(cohort, beside)
    trained(cohort[:1], alone)
    assert torch.equal(beside[0], alone[0])
    assert beside[1, WEIGHTS].isnan().all()


@pytest.mark.parametrize("cohort", cohorts())
def test_runs_of_a_cohort_differ_in_knobs_only(cohort):
    assert len({structure(optimizer) for optimizer in cohort}) == 1


@pytest.mark.parametrize("kind", Optimizer.members())
def test_the_step_size_is_per_run_or_per_weight_and_positive(kind):
    optimizer = Optimizer.members()[kind]()
    knobs, w = stacked([optimizer] * 3), start(3, torch.float32)
    state = {name: torch.zeros_like(w) for name in optimizer.states()}
    size = optimizer.step(w, slope(w), state, knobs, knobs.lr[:, None], 1)
    assert size.shape in ((3, 1), (3, PADDED))
    assert (size > 0).all()


@pytest.mark.parametrize("kind", ["adam", "adamw"])
def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient(kind):
    """Bias correction: m / (1 - b1) = g and v / (1 - b2) = g^2, so the step is lr sign(g)."""
    optimizer = Optimizer.members()[kind](lr=0.25)
    knobs = stacked([optimizer])
    w, grad = torch.zeros(1, 3), torch.tensor([[1e-3, -5.0, 1e4]])
    state = {name: torch.zeros_like(w) for name in optimizer.states()}
    optimizer.step(w, grad, state, knobs, knobs.lr[:, None], 1)
    torch.testing.assert_close(w, torch.tensor([[-0.25, 0.25, -0.25]]), rtol=1e-4, atol=0)


@pytest.mark.parametrize("kind", Optimizer.members())
def test_what_has_a_weight_decay_decays_by_itself(kind):
    optimizer = Optimizer.members()[kind]()
    decay = optimizer.decay(stacked([optimizer] * 2))
    if "weight_decay" in type(optimizer).model_fields:
        torch.testing.assert_close(decay, torch.full((2,), optimizer.weight_decay))
    else:
        assert decay is None
