"""Every layer of the catalogue against what it names as its reference, run by run."""

from __future__ import annotations

import pytest
import torch

from core.term import structure
from tests.layers.uses import (
    B,
    R,
    Use,
    alone,
    copies,
    inputs,
    primitive,
    step_of,
    tensors,
    uses,
)
from tests.stacks import generator


@pytest.mark.parametrize(
    ("training", "shared"), [(True, False), (False, True)], ids=["training", "shared-evaluation"]
)
@pytest.mark.parametrize("use", uses())
def test_outputs_gradients_and_statistics_are_those_of_the_reference(
    use: Use, training: bool, shared: bool
) -> None:
    p = tensors(use)
    firsts = [x.requires_grad_(x.is_floating_point()) for x in inputs(use, 1 if shared else R)]
    xs = [x.expand(R, *x.shape[1:]) for x in firsts]
    # before ours, which updates running statistics in place
    references = list(alone(use, xs, p, training=training))

    y = use.run(xs, p, training=training)

    assert y.shape == (R, B, *use.shape_out)
    weight = torch.randn(y.shape, generator=generator(5))
    (y * weight).sum().backward()
    into = [torch.zeros_like(x) for x in firsts]
    for r, (expected, xs_B, mine) in enumerate(references):
        torch.testing.assert_close(y[r], expected, rtol=1e-5, atol=1e-5)
        (expected * weight[r]).sum().backward()
        for total, x_B in zip(into, xs_B, strict=True):
            if x_B.requires_grad:
                total[0 if shared else r] += x_B.grad
        for name, value in mine.items():
            if value.requires_grad:
                assert_near(p[name].grad[r], value.grad)
            else:
                torch.testing.assert_close(p[name][r], value)
    for first, total in zip(firsts, into, strict=True):
        if first.requires_grad:
            assert_near(first.grad, total)


def assert_near(gradient: torch.Tensor, expected: torch.Tensor) -> None:
    """To 1e-5 of the largest: float32 sums of thousands of terms are no better."""
    largest = max(1.0, expected.abs().max().item())
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-5 * largest)


# Any two of: training, one input for all runs, a gradient with respect to it.
@pytest.mark.parametrize(
    ("training", "shared", "through"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, True)],
)
@pytest.mark.parametrize("use", uses(primitive))
def test_the_vector_jacobian_product_is_that_of_autograd(
    use: Use, training: bool, shared: bool, through: bool
) -> None:
    layers, p = use.layers, tensors(use)
    firsts = inputs(use, 1 if shared else R)
    xs = [x.expand(R, *x.shape[1:]) for x in firsts]
    before, plain = [x.clone() for x in firsts], copies(p)
    into = {n: torch.full_like(v, 7.0) for n, v in plain.items() if p[n].requires_grad}

    with torch.no_grad():
        step = step_of(layers, training=training)
        y, pull = layers[0].vjp_all(xs, plain, step, into, through=through)
        y_then, weight = y.clone(), torch.randn(y.shape, generator=generator(5))
        found = pull(weight.clone()) if into or through else [None] * len(xs)

    assert all(torch.equal(x, was) for x, was in zip(firsts, before, strict=True))
    leaves = [x.detach().clone().requires_grad_(x.is_floating_point()) for x in xs]
    expected = use.run(leaves, p, training=training)
    torch.testing.assert_close(y_then, expected.detach())
    (expected * weight).sum().backward()
    for name, gradient in into.items():
        torch.testing.assert_close(gradient, p[name].grad)
    if through and not use.example.coded:
        starts = [dx.data_ptr() for dx in found]
        assert len(set(starts)) == len(starts), "gradients of inputs share memory"
        for dx, leaf in zip(found, leaves, strict=True):
            torch.testing.assert_close(dx.reshape(leaf.shape), leaf.grad)


@pytest.mark.parametrize("use", uses())
def test_a_diverged_run_leaves_its_neighbours_untouched(use: Use) -> None:
    xs = inputs(use)
    wild = [x.clone() for x in xs]
    for x in wild:
        if x.is_floating_point():
            x[1] = float("nan")
    outputs, buffers = [], []
    for given in (xs, wild):
        p = tensors(use)
        if given is wild and use.example.coded:  # ids cannot diverge, their vectors can
            for value in p.values():
                value.data[1] = float("nan")
        outputs.append(use.run(given, p, training=True)[[0, 2]])
        buffers.append([v.detach()[[0, 2]] for v in p.values()])
    assert torch.equal(*outputs)
    for one, other in zip(*buffers, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize("use", uses())
def test_layers_that_differ_in_knobs_only_share_a_cohort(use: Use) -> None:
    assert len({structure(layer) for layer in use.layers}) == 1
