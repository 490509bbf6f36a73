import pytest
import torch
from torch import nn

from core.layers.batch_norm import BatchNorm
from core.layers.layer import Step
from tests.stacks import generator, stacked

MOMENTA = (0.05, 0.3, 1.0)
B = 6


def parameters(layer: BatchNorm, shape: tuple[int, ...]) -> dict[str, torch.Tensor]:
    return {p.name: torch.full((3, *p.shape), p.start) for p in layer.parameters(shape)}


def step(*, training: bool, momenta: tuple[float, ...] = MOMENTA) -> Step:
    return Step(training, stacked([BatchNorm(momentum=m) for m in momenta]), ((0, len(momenta)),))


@pytest.mark.parametrize("shape", [(4,), (4, 3, 2)], ids=["features", "channels"])
def test_running_statistics_follow_torch_over_several_steps_and_serve_evaluation(shape):
    layer, norm = BatchNorm(), nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
    p = parameters(layer, shape)
    modules = [norm(4, momentum=m) for m in MOMENTA]
    for turn in range(5):
        x = 3 + 2 * torch.randn(3, B, *shape, generator=generator(turn))
        layer.forward(x, p, step(training=True))
        for r, module in enumerate(modules):
            module(x[r])

    x = torch.randn(3, B, *shape, generator=generator(99))
    y = layer.forward(x, p, step(training=False))
    for r, module in enumerate(modules):
        torch.testing.assert_close(p["running_mean"][r], module.running_mean)
        torch.testing.assert_close(p["running_var"][r], module.running_var)
        torch.testing.assert_close(y[r], module.eval()(x[r]), rtol=1e-5, atol=1e-5)


def test_evaluation_changes_no_running_statistic():
    layer = BatchNorm()
    p = parameters(layer, (4,))
    layer.forward(torch.randn(3, B, 4, generator=generator(0)), p, step(training=False))
    assert torch.equal(p["running_mean"], torch.zeros(3, 4))
    assert torch.equal(p["running_var"], torch.ones(3, 4))


def test_a_minibatch_of_one_is_finite_though_it_has_no_variance():
    layer = BatchNorm()
    p = parameters(layer, (4,))
    y = layer.forward(torch.randn(3, 1, 4, generator=generator(0)), p, step(training=True))
    torch.testing.assert_close(y, torch.zeros(3, 1, 4), rtol=0, atol=1e-4)
    assert all(value.isfinite().all() for value in p.values())
