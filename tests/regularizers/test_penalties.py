"""Every penalty: its gradient, proximal step and value are of one and the same function."""

from __future__ import annotations

import math
from itertools import cycle, islice
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from scipy.optimize import minimize_scalar

from core.regularizers import Regularizer
from core.regularizers.l1 import soft_threshold
from core.regularizers.regularizer import Penalty
from core.term import Knobs, structure
from tests.stacks import generator, stacked

PENALTIES = [kind for kind, m in Regularizer.members().items() if issubclass(m, Penalty)]
LAMBDAS = (0.0, 0.3, 2.5)


def variants() -> list[Any]:
    """Every penalty with every method that it has: three runs, whose knobs differ."""
    found = []
    for kind in PENALTIES:
        field = Regularizer.members()[kind].model_fields.get("method")
        for method in get_args(field.annotation) if field else (None,):
            found.append(pytest.param(of_runs(kind, method), id=f"{kind}-{method}"))
    return found


def of_runs(kind: str, method: str | None) -> list[Penalty]:
    chosen = {} if method is None else {"method": method}
    member = Regularizer.members()[kind]
    bodies = islice(cycle(member.examples()), len(LAMBDAS))
    return [member(lam=x, **chosen, **body) for x, body in zip(LAMBDAS, bodies, strict=True)]


def weights(columns: int = 40) -> torch.Tensor:
    """(3, K) float64, none of them near zero."""
    w = torch.randn(3, columns, generator=generator(0), dtype=torch.float64)
    return w + 0.1 * w.sign()


def added(term: Penalty, w: torch.Tensor, knobs: Knobs) -> torch.Tensor:
    gradient = torch.zeros_like(w)
    term.add_gradient(gradient, w, knobs)
    return gradient


def stepped(term: Penalty, w: torch.Tensor, step: torch.Tensor, knobs: Knobs) -> torch.Tensor:
    """w after the proximal step, where there is one."""
    after = w.clone()
    if term.proximal:
        term.prox(after, step, knobs)
    return after


@pytest.mark.parametrize("terms", variants())
def test_gradient_and_proximal_step_together_are_the_derivative_of_the_value(terms):
    term, knobs = terms[0], stacked(terms, torch.float64)
    w = weights().requires_grad_()
    (derivative,) = torch.autograd.grad((knobs.lam * term.value(w, knobs)).sum(), w)

    w = w.detach()
    tiny = torch.full((3, 1), 1e-6, dtype=torch.float64)
    proximal = (w - stepped(term, w, tiny, knobs)) / tiny

    torch.testing.assert_close(added(term, w, knobs) + proximal, derivative, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("terms", variants())
def test_the_gradient_is_added_to_what_is_there(terms):
    term, knobs, w = terms[0], stacked(terms, torch.float64), weights()
    there = torch.randn(w.shape, generator=generator(1), dtype=torch.float64)
    total = there.clone()
    term.add_gradient(total, w, knobs)
    torch.testing.assert_close(total, there + added(term, w, knobs))


@pytest.mark.parametrize("diagonal", [False, True], ids=["step-per-run", "step-per-weight"])
@pytest.mark.parametrize("terms", variants())
def test_proximal_gradient_descent_ends_at_the_minimum_and_at_exact_zeros(terms, diagonal):
    """Of 1/2 (w - a)^2 + lambda R(w), found for each weight by scipy."""
    term, knobs = terms[0], stacked(terms, torch.float64)
    a = torch.tensor([-4.0, -2.6, -0.5, -0.1, 0.0, 0.2, 0.7, 3.0], dtype=torch.float64)
    a = a.expand(3, -1).clone()
    best = torch.tensor([[argmin(terms[r], float(x)) for x in a[r]] for r in range(3)])
    if not term.proximal:  # a subgradient method cannot rest at a kink
        a[best.abs() < 1e-3] = 5.0
        best = torch.tensor([[argmin(terms[r], float(x)) for x in a[r]] for r in range(3)])
    step = torch.linspace(0.05, 0.3, a.numel() if diagonal else 3, dtype=torch.float64)
    step = step.view(3, -1)
    w = torch.zeros_like(a)
    for _ in range(600):
        w = stepped(term, w - step * (w - a + added(term, w, knobs)), step, knobs)

    torch.testing.assert_close(w, best.double(), rtol=0, atol=1e-5)
    if term.proximal:
        assert torch.equal(w == 0, best.abs() < 1e-5)


def argmin(term: Penalty, a: float) -> float:
    knobs = stacked([term], torch.float64)

    def objective(u: float) -> float:
        penalty = term.value(torch.tensor([[u]], dtype=torch.float64), knobs).item()
        return (u - a) ** 2 / 2 + term.lam * penalty

    far = abs(a) + 1
    found = minimize_scalar(
        objective, bounds=(-far, far), options={"xatol": 1e-9}, method="bounded"
    )
    return 0.0 if objective(0.0) <= found.fun else float(found.x)


@examples(max_examples=100, deadline=None)
@given(w=st.floats(-1e3, 1e3), step=st.floats(1e-4, 1e3), lam=st.floats(0, 1e3))
def test_the_proximal_step_of_l1_is_the_soft_threshold(w, step, lam):
    before = torch.tensor([[w]], dtype=torch.float64)
    after = before.clone()
    moved = soft_threshold(after, torch.tensor([[step * lam]], dtype=torch.float64))
    expected = math.copysign(max(abs(w) - step * lam, 0), w)
    assert after.item() == pytest.approx(expected, rel=1e-9)
    assert (after.item() == 0) == (abs(w) <= step * lam)
    torch.testing.assert_close(after + moved, before)


@pytest.mark.parametrize("terms", [v for v in variants() if v.values[0][0].proximal])
def test_a_proximal_step_returns_what_it_took(terms):
    term, knobs, before = terms[0], stacked(terms, torch.float64), weights()
    after = before.clone()
    moved = term.prox(after, torch.full((3, 1), 0.5, dtype=torch.float64), knobs)
    torch.testing.assert_close(before - after, moved)
    assert not torch.equal(after, before)


@pytest.mark.parametrize("terms", variants())
def test_padding_stays_zero(terms):
    term, knobs = terms[0], stacked(terms)
    w = torch.zeros(3, 16)
    assert torch.equal(added(term, w, knobs), w)
    assert torch.equal(stepped(term, w, torch.full((3, 16), 1e8), knobs), w)
    assert torch.equal(term.value(w, knobs), torch.zeros(3))


@pytest.mark.parametrize("terms", variants())
def test_a_diverged_run_leaves_its_neighbours_untouched(terms):
    term, knobs, w = terms[0], stacked(terms), weights().float()
    wild = w.clone()
    wild[1] = float("nan")
    kept = [0, 2]
    assert torch.equal(term.value(wild, knobs)[kept], term.value(w, knobs)[kept])
    assert torch.equal(added(term, wild, knobs)[kept], added(term, w, knobs)[kept])
    step = torch.full((3, 1), 0.1)
    after = stepped(term, wild, step, knobs)
    assert torch.equal(after[kept], stepped(term, w, step, knobs)[kept])


@pytest.mark.parametrize("kind", PENALTIES)
def test_biases_are_exempt_unless_the_penalty_says_otherwise(kind):
    member = Regularizer.members()[kind]
    assert member().biases is False
    assert structure(member(biases=True)) != structure(member()), "they act on other numbers"


def test_the_worked_number_of_linear_models_comes_out():
    # strength 0.1 of sum w^2 over (1, -2, 3, -4) is 3.0, and ours has the factor 1/2
    w = torch.tensor([[1.0, -2.0, 3.0, -4.0]])
    members = Regularizer.members()
    for kind, lam, expected in (("l2", 2 * 0.1, 3.0), ("l1", 0.1, 1.0)):
        term = members[kind](lam=lam)
        knobs = stacked([term])
        assert (knobs.lam * term.value(w, knobs)).item() == pytest.approx(expected)


def test_an_elastic_net_at_its_ends_is_the_lasso_and_the_ridge():
    w, step = weights(), torch.full((3, 1), 0.2, dtype=torch.float64)
    members = Regularizer.members()
    for ratio, kind in ((1.0, "l1"), (0.0, "l2")):
        ends = [members["elastic_net"](lam=x, l1_ratio=ratio) for x in LAMBDAS]
        plain = [members[kind](lam=x) for x in LAMBDAS]
        for terms in (ends, plain):
            knobs = stacked(terms, torch.float64)
            after = stepped(terms[0], w, step, knobs)
            value = terms[0].value(w, knobs), added(terms[0], w, knobs), after
            if terms is ends:
                expected = value
        torch.testing.assert_close(value, expected)
