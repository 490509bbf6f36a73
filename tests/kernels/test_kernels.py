"""The hand-written products and gradients against plain PyTorch and against finite differences."""

import pytest
import torch

from core import kernels
from core.kernels import (
    NARROW,
    convolve,
    convolve_pull,
    cross_entropy,
    cross_entropy_and_grad,
    dense,
    dense_pull,
)
from tests.stacks import generator

R, B, I = 3, 5, 4  # noqa: E741
WIDTHS = [1, 2, 10, NARROW - 1, NARROW, NARROW + 8]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    values = torch.randn(*shape, generator=generator(seed), dtype=torch.float64)
    return values.requires_grad_()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_a_dense_product_and_its_pull_are_those_of_autograd_at_any_width(width, shared, bias):
    x, w, b = drawn(1 if shared else R, B, I), drawn(R, I, width, seed=1), drawn(R, 1, width)
    every = x.expand(R, B, I)
    slope = drawn(R, B, width, seed=2).detach()
    wide = torch.zeros(R, I * width + 8, dtype=torch.float64)  # rows of a run are strided
    into = {"weight": wide[:, : I * width].unflatten(1, (I, width))}
    if bias:
        into["bias"] = torch.zeros(R, width + 3, dtype=torch.float64)[:, None, :width]

    with torch.no_grad():
        ours = dense(every, w, b if bias else None)
        dx = dense_pull(slope, every, w, into, through=True)

    theirs = every @ w + (b if bias else 0)
    torch.testing.assert_close(ours, theirs.detach())
    inputs = (x, w, b) if bias else (x, w)
    expected = torch.autograd.grad((theirs * slope).sum(), inputs)
    torch.testing.assert_close(dx.sum(0, keepdim=True) if shared else dx, expected[0])
    for name, gradient in zip(into, expected[1:], strict=True):
        torch.testing.assert_close(into[name], gradient)


def test_a_pull_that_goes_nowhere_computes_no_gradient_of_the_input():
    x, w = drawn(R, B, I).detach(), drawn(R, I, 3, seed=1).detach()
    into = {"weight": torch.zeros(R, I, 3, dtype=torch.float64)}
    assert dense_pull(drawn(R, B, 3).detach(), x, w, into, through=False) is None


@pytest.mark.parametrize("together", [1, R], ids=["run by run", "as groups"])
@pytest.mark.parametrize(("stride", "pad"), [(1, 1), (2, 0)])
@pytest.mark.parametrize("bias", [False, True])
def test_a_convolution_and_its_pull_are_those_of_autograd(together, stride, pad, bias, monkeypatch):
    monkeypatch.setattr(kernels, "_runs_together", lambda x: together)
    x, w, b = drawn(R, B, 2, 6, 7), drawn(R, 4, 2, 3, 3, seed=1), drawn(R, 4, seed=2)
    inputs = (x, w, b) if bias else (x, w)
    into = {"weight": torch.zeros_like(w), **({"bias": torch.zeros_like(b)} if bias else {})}

    with torch.no_grad():
        y = convolve(x, w, b if bias else None, stride, pad)
        slope = drawn(*y.shape, seed=3).detach()
        dx = convolve_pull(slope, x, w, into, stride, pad, through=True)
        nothing = convolve_pull(slope, x, w, into, stride, pad, through=False)

    conv2d = torch.nn.functional.conv2d
    theirs = torch.stack(
        [conv2d(x[r], w[r], b[r] if bias else None, stride, pad) for r in range(R)]
    )
    torch.testing.assert_close(y, theirs.detach())
    expected = torch.autograd.grad((theirs * slope).sum(), inputs)
    torch.testing.assert_close((dx, *into.values()), expected)
    assert nothing is None


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_cross_entropy_passes_gradcheck_and_its_written_gradient_agrees(classes):
    z = drawn(R, B, classes)
    y = torch.randint(classes, (R, B), generator=generator(1))
    epsilon = torch.tensor([0.0, 0.3, 0.9], dtype=torch.float64)

    assert torch.autograd.gradcheck(lambda z: cross_entropy(z, y, epsilon), (z,))
    loss, grad = cross_entropy_and_grad(z.detach(), y, epsilon)
    mean = cross_entropy(z, y, epsilon).mean(1).sum()
    torch.testing.assert_close(loss, cross_entropy(z.detach(), y, epsilon))
    torch.testing.assert_close(grad, torch.autograd.grad(mean, z)[0])


def test_no_smoothing_is_a_smoothing_of_zero_bit_for_bit():
    z = drawn(R, B, 10).detach()
    y = torch.randint(10, (R, B), generator=generator(1))
    zero = torch.zeros(R, dtype=torch.float64)

    assert torch.equal(cross_entropy(z, y, None), cross_entropy(z, y, zero))
    without, with_zero = (cross_entropy_and_grad(z, y, epsilon) for epsilon in (None, zero))
    assert all(map(torch.equal, without, with_zero))


def test_cross_entropy_takes_logits_whose_last_axis_is_strided():
    z = drawn(R, 10, B).detach().transpose(1, 2)
    y = torch.randint(10, (R, B), generator=generator(1))
    epsilon = torch.tensor([0.0, 0.3, 0.9], dtype=torch.float64)
    before = z.clone()

    strided = cross_entropy_and_grad(z, y, epsilon)

    assert all(map(torch.equal, strided, cross_entropy_and_grad(z.contiguous(), y, epsilon)))
    assert torch.equal(z, before)


def test_huge_logits_give_finite_losses_and_gradients():
    z = torch.tensor([[[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]]])
    y = torch.tensor([[1, 1]])
    loss, grad = cross_entropy_and_grad(z, y, torch.zeros(1))
    # the first is 2e4 from its class; the second shares its top with one other class
    torch.testing.assert_close(loss, torch.tensor([[2e4, 0.6931472]]))
    torch.testing.assert_close(2 * grad, torch.tensor([[[1.0, -1.0, 0.0], [0.0, -0.5, 0.5]]]))
