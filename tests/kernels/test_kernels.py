"""The hand-written autograd nodes against plain PyTorch and against finite differences."""

import pytest
import torch

from core.kernels import NARROW, cross_entropy, dense
from tests.stacks import generator

R, B, I = 3, 5, 4  # noqa: E741
WIDTHS = [1, 2, 10, NARROW - 1, NARROW, NARROW + 8]


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    values = torch.randn(*shape, generator=generator(seed), dtype=torch.float64)
    return values.requires_grad_()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("shared", [False, True])
def test_a_dense_product_and_its_gradients_are_those_of_autograd_at_any_width(width, shared):
    x, w, b = drawn(1 if shared else R, B, I), drawn(R, I, width, seed=1), drawn(R, 1, width)
    weight = drawn(R, B, width, seed=2).detach()

    ours = dense(x.expand(R, B, I), w, b)
    theirs = x.expand(R, B, I) @ w + b

    torch.testing.assert_close(ours, theirs)
    found = torch.autograd.grad((ours * weight).sum(), (x, w, b))
    expected = torch.autograd.grad((theirs * weight).sum(), (x, w, b))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize("width", [1, 3])
def test_the_narrow_dense_node_passes_gradcheck(width):
    inputs = drawn(R, B, I), drawn(R, I, width, seed=1), drawn(R, 1, width, seed=2)
    assert torch.autograd.gradcheck(dense, inputs)


def test_the_narrow_dense_node_passes_gradcheck_on_an_input_that_runs_share():
    inputs = drawn(1, B, I), drawn(R, I, 3, seed=1), drawn(R, 1, 3, seed=2)
    assert torch.autograd.gradcheck(lambda x, w, b: dense(x.expand(R, B, I), w, b), inputs)


def test_the_narrow_dense_node_gives_no_gradient_to_an_input_that_wants_none():
    x, w, b = drawn(R, B, I).detach(), drawn(R, I, 3, seed=1), drawn(R, 1, 3, seed=2)
    dense(x, w, b).sum().backward()
    assert x.grad is None
    torch.testing.assert_close(w.grad, x.sum(1).unsqueeze(-1).expand(R, I, 3))
    torch.testing.assert_close(b.grad, torch.full_like(b, B))


@pytest.mark.parametrize("classes", [2, 3, 40])
def test_the_cross_entropy_node_passes_gradcheck(classes):
    z = drawn(R, B, classes)
    y = torch.randint(classes, (R, B), generator=generator(1))
    epsilon = torch.tensor([0.0, 0.3, 0.9], dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda z: cross_entropy(z, y, epsilon), (z,))


def test_the_cross_entropy_node_takes_logits_whose_last_axis_is_strided():
    z = drawn(R, 10, B).detach().transpose(1, 2).requires_grad_()
    y = torch.randint(10, (R, B), generator=generator(1))
    epsilon = torch.tensor([0.0, 0.3, 0.9], dtype=torch.float64)

    ours = cross_entropy(z, y, epsilon)
    ours.sum().backward()

    plain = z.detach().contiguous().requires_grad_()
    expected = cross_entropy(plain, y, epsilon)
    expected.sum().backward()
    assert torch.equal(ours, expected)
    assert torch.equal(z.grad, plain.grad)


def test_huge_logits_give_finite_losses_and_gradients():
    z = torch.tensor([[[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]]], requires_grad=True)
    y = torch.tensor([[1, 1]])
    loss = cross_entropy(z, y, torch.zeros(1))
    loss.sum().backward()
    # the first is 2e4 from its class; the second shares its top with one other class
    torch.testing.assert_close(loss, torch.tensor([[2e4, 0.6931472]]))
    torch.testing.assert_close(z.grad, torch.tensor([[[1.0, -1.0, 0.0], [0.0, -0.5, 0.5]]]))
