"""Every loss of the catalogue against torch.nn, values and gradients, run by run."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import pytest
import torch

from core.losses import Loss
from tests.stacks import generator, stacked

R, B = 3, 12


def values(y_B: torch.Tensor, z_BO: torch.Tensor) -> torch.Tensor:
    """Targets as numbers: class c of C is the unit row e_c, and of two on one output, c itself."""
    if y_B.is_floating_point():
        return y_B
    if z_BO.shape[-1] == 1:
        return y_B[:, None].to(z_BO.dtype)
    return torch.eye(z_BO.shape[-1], dtype=z_BO.dtype)[y_B]


def cases() -> list[Any]:
    """Every loss with every task it has: (kind, classes, targets)."""
    found = []
    for kind, loss in Loss.members().items():
        if "classification" in loss.tasks:
            for classes in (2, 3, 40):
                found.append(pytest.param(kind, classes, 1, id=f"{kind}-{classes}-classes"))
        if "regression" in loss.tasks:
            for targets in (1, 3):
                found.append(pytest.param(kind, 0, targets, id=f"{kind}-{targets}-targets"))
    return found


def terms(kind: str) -> list[Loss]:
    """Three runs of one cohort: the loss's examples, which differ in knobs."""
    loss = Loss.members()[kind]
    return [loss(**body) for body in islice(cycle(loss.examples()), R)]


def draw(
    loss: Loss, classes: int, targets: int, scale: float, dtype: torch.dtype = torch.float32
) -> tuple[torch.Tensor, torch.Tensor]:
    """Outputs (R, B, O) of that size and targets; the first example of each run is met exactly."""
    outputs = loss.outputs(classes, targets)
    z = scale * torch.randn(R, B, outputs, generator=generator(0), dtype=dtype)
    if classes:
        y = torch.randint(classes, (R, B), generator=generator(1))
    else:
        y = torch.randn(R, B, outputs, generator=generator(1), dtype=dtype)
    for r in range(R):
        z[r, 0] = values(y[r], z[r])[0]
    return z.requires_grad_(), y


@pytest.mark.parametrize(("kind", "classes", "targets"), cases())
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_values_and_gradients_are_those_of_torch(kind, classes, targets, scale):
    of_run = terms(kind)
    z, y = draw(of_run[0], classes, targets, scale)

    loss_RB = of_run[0].rows(z, y, stacked(of_run))
    (grad,) = torch.autograd.grad(loss_RB.sum(), z)

    assert loss_RB.shape == (R, B)
    assert loss_RB.isfinite().all()
    for r in range(R):
        theirs = z[r].detach().requires_grad_()
        expected = of_run[r].reference(theirs, y[r])
        torch.testing.assert_close(loss_RB[r], expected)
        # far from 0 a slope's relative error is that of exp: outputs' rounding times their size
        close = {"rtol": 1e-4, "atol": 1e-5} if scale > 1 else {}
        slope = torch.autograd.grad(expected.sum(), theirs)[0]
        torch.testing.assert_close(grad[r], slope, **close)


@pytest.mark.parametrize(("kind", "classes", "targets"), cases())
@pytest.mark.parametrize(("scale", "strided"), [(1.0, False), (1e4, True)])
def test_value_and_grad_is_the_mean_over_the_minibatch(kind, classes, targets, scale, strided):
    of_run = terms(kind)
    z, y = draw(of_run[0], classes, targets, scale)
    given = z.detach()
    if strided:
        given = given.transpose(1, 2).contiguous().transpose(1, 2)
    before = given.clone()

    loss_RB, grad = of_run[0].value_and_grad(given, y, stacked(of_run))

    expected = of_run[0].rows(z, y, stacked(of_run))
    assert torch.equal(given, before)
    torch.testing.assert_close(loss_RB, expected.detach())
    torch.testing.assert_close(grad, torch.autograd.grad(expected.mean(1).sum(), z)[0])


@pytest.mark.parametrize(("kind", "classes", "targets"), cases())
def test_gradients_pass_gradcheck(kind, classes, targets):
    of_run = terms(kind)
    z, y = draw(of_run[0], classes, targets, 1.0, torch.float64)
    # a kink at an exact hit has no derivative to compare with
    z, y = z[:, 1:4].detach().requires_grad_(), y[:, 1:4]
    knobs = stacked(of_run, torch.float64)
    assert torch.autograd.gradcheck(lambda z: of_run[0].rows(z, y, knobs), (z,), fast_mode=True)


@pytest.mark.parametrize(("kind", "classes", "targets"), cases())
def test_a_diverged_run_leaves_the_losses_of_its_neighbours_untouched(kind, classes, targets):
    of_run = terms(kind)
    z, y = draw(of_run[0], classes, targets, 1.0)
    knobs = stacked(of_run)
    before = of_run[0].rows(z, y, knobs)
    wild = z.detach().clone()
    wild[1] = float("nan")
    after = of_run[0].rows(wild, y, knobs)
    assert torch.equal(after[[0, 2]], before[[0, 2]])
    assert after[1].isnan().all()
