"""Proximal steps: the lasso in one dimension, by hand, for every optimizer that offers them.

J(w) = 1/2 (w - a)^2 + lambda |w| has its minimum at sign(a) max(|a| - lambda, 0).
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from core.optimizers import Optimizer
from core.optimizers.sgd import Sgd
from core.regularizers.l1 import soft_threshold
from tests.stacks import stacked

A = torch.tensor([[1.0, -1.0, 0.2, -0.25, 0.0]], dtype=torch.float64)
LAM = 0.3
MINIMUM = torch.tensor([[0.7, -0.7, 0.0, 0.0, 0.0]], dtype=torch.float64)
MOMENTA = (0.0, 0.9)


def cases() -> list[Any]:
    """Every optimizer with a proximal step, with each momentum where it has one."""
    found = []
    for kind, member in Optimizer.members().items():
        for momentum in MOMENTA if "momentum" in member.model_fields else (None,):
            optimizer = member(
                lr=member.examples()[0]["lr"],
                **({} if momentum is None else {"momentum": momentum}),
            )
            if optimizer.no_prox is None:
                found.append(pytest.param(optimizer, id=f"{kind}-{momentum}"))
    return found


def descended(optimizer: Optimizer, w: torch.Tensor, steps: int, halve_every: int) -> torch.Tensor:
    """Proximal gradient steps from w; the learning rate halves, as sign-like steps need."""
    knobs = stacked([optimizer], torch.float64)
    state = {name: torch.zeros_like(w) for name in optimizer.states()}
    for t in range(1, steps + 1):
        lr = knobs.lr[:, None] * 0.5 ** (t // halve_every)
        size = optimizer.step(w, w - A, state, knobs, lr, t)
        moved = soft_threshold(w, size * LAM)
        optimizer.absorb(moved, state, lr)
    return w


@pytest.mark.parametrize("optimizer", cases())
def test_the_penalised_minimum_is_a_fixed_point(optimizer):
    w = descended(optimizer, MINIMUM.clone(), 50, halve_every=10)
    torch.testing.assert_close(w, MINIMUM, rtol=0, atol=1e-12)
    assert torch.equal(w == 0, MINIMUM == 0)


@pytest.mark.parametrize("optimizer", cases())
def test_descent_from_afar_ends_at_the_minimum_with_exact_zeros(optimizer):
    far = torch.tensor([[2.0, 1.0, -1.0, 0.5, 0.7]], dtype=torch.float64)
    w = descended(optimizer, far, 4000, halve_every=800)
    torch.testing.assert_close(w, MINIMUM, rtol=0, atol=1e-3)
    assert torch.equal(w == 0, MINIMUM == 0)


def test_with_momentum_the_displacement_of_the_proximal_step_enters_the_momentum():
    """w0 = 1, a = 0, lr 0.1, momentum 0.5, lambda 1: worked by hand.

    b = 1; w = 0.9; threshold 0.1 takes 0.1: w = 0.8, b = 1 + 0.1 / 0.1 = 2 = (1 - 0.8) / lr.
    Then g = 0.8: b = 0.5 * 2 + 0.8 = 1.8; w = 0.62; threshold: w = 0.52, b = 2.8.
    """
    optimizer = Sgd(lr=0.1, momentum=0.5)
    knobs = stacked([optimizer], torch.float64)
    w = torch.ones(1, 1, dtype=torch.float64)
    state = {"momentum": torch.zeros_like(w)}
    for expected_w, expected_b in ((0.8, 2.0), (0.52, 2.8)):
        size = optimizer.step(w, w.clone(), state, knobs, knobs.lr[:, None], 1)
        optimizer.absorb(soft_threshold(w, size * 1.0), state, knobs.lr[:, None])
        assert w.item() == pytest.approx(expected_w)
        assert state["momentum"].item() == pytest.approx(expected_b)


def test_nesterov_offers_no_proximal_step_and_says_the_way_out():
    assert "set nesterov to false" in Sgd(momentum=0.9, nesterov=True).no_prox
    assert Sgd(momentum=0.9).no_prox is None


def test_nesterov_without_momentum_is_refused():
    with pytest.raises(ValidationError, match="nesterov needs a momentum above 0"):
        Sgd(nesterov=True)
    assert Sgd(nesterov=True, momentum={"values": (0.5, 0.9)}).nesterov
