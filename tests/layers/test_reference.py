"""Every layer of the catalogue against torch.nn with the same weights, run by run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
import torch
from torch import nn

from core.layers import Layer
from core.layers.activation import ActivationName
from core.layers.layer import Drawn, Shape, Step
from core.term import structure
from tests.stacks import generator, stacked

R, B = 3, 6
Tensors = Mapping[str, torch.Tensor]
ACTIVATIONS: dict[str, nn.Module] = {
    "relu": nn.ReLU(),
    "leaky_relu": nn.LeakyReLU(),
    "elu": nn.ELU(),
    "gelu": nn.GELU(),
    "silu": nn.SiLU(),
    "tanh": nn.Tanh(),
    "sigmoid": nn.Sigmoid(),
    "softplus": nn.Softplus(),
}


@dataclass
class Case:
    """A layer's fields, the shape of an example, and what differs between the three runs."""

    shape: Shape
    body: dict[str, Any] = field(default_factory=dict)
    knobs: list[dict[str, Any]] = field(default_factory=lambda: [{}] * R)


IMAGE, SMALL = (2, 7, 6), (5,)
CASES: dict[str, list[Case]] = {
    "activation": [
        Case(s, {"activation": a}) for a in get_args(ActivationName) for s in (SMALL, IMAGE)
    ],
    "average_pool": [Case(IMAGE), Case(IMAGE, {"size": 3}), Case((1, 2, 2))],
    "max_pool": [Case(IMAGE), Case(IMAGE, {"size": 3}), Case((1, 2, 2))],
    "batch_norm": [Case(s, {}, [{"momentum": m} for m in (0.1, 0.4, 1.0)]) for s in (SMALL, IMAGE)],
    "conv2d": [
        Case(IMAGE, {"filters": 4, **more})
        for more in (
            {},
            {"padding": "valid"},
            {"kernel": 5, "stride": 2},
            {"kernel": 2, "stride": 3, "padding": "valid"},
            {"kernel": 1, "bias": False, "activation": "relu"},
            {"kernel": 7, "padding": "same", "activation": "tanh"},
        )
    ],
    "dense": [
        Case(SMALL, {"units": units, **more})
        for units in (1, 10, 40)
        for more in ({}, {"bias": False}, {"activation": "relu"}, {"activation": "softmax"})
    ],
    "dropout": [Case(s, {}, [{"p": p} for p in (0.0, 0.3, 0.9)]) for s in (SMALL, IMAGE)],
    "flatten": [Case(SMALL), Case(IMAGE)],
}


def cases() -> list[Any]:
    return [
        pytest.param(kind, case, id=f"{kind}-{len(case.shape)}d-{i}")
        for kind in Layer.members()
        for i, case in enumerate(CASES[kind])
    ]


def layers_of(kind: str, case: Case) -> list[Layer]:
    return [Layer.members()[kind](**case.body, **knobs) for knobs in case.knobs]


def tensors(layer: Layer, shape: Shape, seed: int = 1) -> dict[str, torch.Tensor]:
    """Random values for each of the layer's parameters, of three runs."""
    made = {}
    for parameter in layer.parameters(shape):
        value = torch.randn(R, *parameter.shape, generator=generator(seed))
        if parameter.name == "running_var":
            value = value.abs() + 0.5
        made[parameter.name] = value.requires_grad_(parameter.role != "buffer")
        seed += 1
    return made


def step_of(layers: list[Layer], *, training: bool) -> Step:
    def uniforms(shape: Shape, acting: Sequence[tuple[int, int]]) -> Iterator[Drawn]:
        return ((slice(lo, hi), draws(shape).expand(hi - lo, B, *shape)) for lo, hi in acting)

    return Step(training, stacked(layers), ((0, R),), uniforms if training else None)


def draws(shape: Shape) -> torch.Tensor:
    return torch.rand(B, *shape, generator=generator(9))


class Masked(nn.Module):
    """nn.Dropout with the draws given: its own cannot be shared."""

    def __init__(self, p: float, shape: Shape) -> None:
        super().__init__()
        self.p, self.uniform = p, draws(shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * (self.uniform >= self.p) / (1 - self.p) if self.training else x


def module_of(layer: Any, shape: Shape, p: Tensors, r: int) -> nn.Module:
    """The torch module of one run, holding copies of the same weights."""
    module = plain_module(layer, shape)
    with torch.no_grad():
        for theirs, value in module.state_dict().items():
            if theirs != "num_batches_tracked":
                ours = p[NAMES.get((layer.kind, theirs), theirs)][r]
                # W (in, out) and b (1, out) of dense are (out, in) and (out,) of nn.Linear
                value.copy_(ours.T.reshape(value.shape) if layer.kind == "dense" else ours)
    if layer.kind != "activation" and getattr(layer, "activation", None) in ACTIVATIONS:
        return nn.Sequential(module, ACTIVATIONS[layer.activation])
    return module


NAMES = {("batch_norm", "weight"): "scale", ("batch_norm", "bias"): "shift"}


def plain_module(layer: Any, shape: Shape) -> nn.Module:
    match layer.kind:
        case "activation":
            return ACTIVATIONS[layer.activation]
        case "average_pool":
            return nn.AvgPool2d(layer.size)
        case "max_pool":
            return nn.MaxPool2d(layer.size)
        case "flatten":
            return nn.Flatten()
        case "dropout":
            return Masked(layer.p, shape)
        case "batch_norm":
            norm = nn.BatchNorm1d if len(shape) == 1 else nn.BatchNorm2d
            return norm(shape[0], eps=layer.eps, momentum=layer.momentum)
        case "dense":
            return nn.Linear(shape[0], layer.units, bias=layer.bias)
        case "conv2d":
            pad = layer.kernel // 2 if layer.padding == "same" else 0
            window = (layer.kernel, layer.stride, pad)
            return nn.Conv2d(shape[0], layer.filters, *window, bias=layer.bias)
    raise LookupError(f"no torch module is known for {layer.kind}")


def gradients(layer: Layer, module: nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Their gradients by our names and in our shapes."""
    for theirs, value in module.named_parameters():
        name = theirs.rpartition(".")[2]
        assert value.grad is not None
        ours = value.grad.T if value.grad.dim() == 2 else value.grad
        if layer.kind == "dense" and name == "bias":
            ours = ours[None]
        yield NAMES.get((layer.kind, name), name), ours


@pytest.mark.parametrize(
    ("training", "shared"), [(True, False), (False, True)], ids=["training", "shared-evaluation"]
)
@pytest.mark.parametrize(("kind", "case"), cases())
def test_outputs_and_gradients_are_those_of_torch(kind, case, training, shared):
    layers = layers_of(kind, case)
    layer, p = layers[0], tensors(layers[0], case.shape)
    first = torch.randn(1 if shared else R, B, *case.shape, generator=generator(0))
    x = first.requires_grad_().expand(R, B, *case.shape)
    modules = [
        module_of(layers[r], case.shape, p, r).train(training) for r in range(R)
    ]  # before our step, which updates running statistics in place

    y = layer.forward(x, p, step_of(layers, training=training))

    assert y.shape == (R, B, *layer.output_shape(case.shape))
    weight = torch.randn(y.shape, generator=generator(5))
    (y * weight).sum().backward()
    into_first = torch.zeros_like(first)
    for r, module in enumerate(modules):
        theirs = x[r].detach().clone().requires_grad_()
        expected = module(theirs)
        torch.testing.assert_close(y[r], expected, rtol=1e-5, atol=1e-5)
        (expected * weight[r]).sum().backward()
        into_first[0 if shared else r] += theirs.grad
        for name, gradient in gradients(layer, module):
            torch.testing.assert_close(p[name].grad[r], gradient, rtol=1e-4, atol=1e-4)
        module.zero_grad()
    torch.testing.assert_close(first.grad, into_first, rtol=1e-4, atol=1e-4)


# Any two of: training, one input for all runs, a gradient with respect to it.
@pytest.mark.parametrize(
    ("training", "shared", "through"),
    [(True, False, True), (True, True, False), (False, False, False), (False, True, True)],
)
@pytest.mark.parametrize(("kind", "case"), cases())
def test_the_vector_jacobian_product_is_that_of_autograd(kind, case, training, shared, through):
    layers = layers_of(kind, case)
    layer, p = layers[0], tensors(layers[0], case.shape)
    first = torch.randn(1 if shared else R, B, *case.shape, generator=generator(0))
    x = first.expand(R, B, *case.shape)
    before = first.clone()
    plain = {name: value.detach().clone() for name, value in p.items()}
    into = {name: torch.full_like(v, 7.0) for name, v in plain.items() if p[name].requires_grad}

    with torch.no_grad():
        y, pull = layer.vjp(x, plain, step_of(layers, training=training), into, through=through)
        weight = torch.randn(y.shape, generator=generator(5))
        dx = pull(weight.clone()) if into or through else None

    assert torch.equal(first, before)
    leaf = x.detach().clone().requires_grad_()
    expected = layer.forward(leaf, p, step_of(layers, training=training))
    torch.testing.assert_close(y, expected.detach())
    (expected * weight).sum().backward()
    for name, gradient in into.items():
        torch.testing.assert_close(gradient, p[name].grad)
    if through:
        torch.testing.assert_close(dx.reshape(leaf.shape), leaf.grad)


@pytest.mark.parametrize(("kind", "case"), cases())
def test_a_diverged_run_leaves_its_neighbours_untouched(kind, case):
    layers = layers_of(kind, case)
    layer = layers[0]
    x = torch.randn(R, B, *case.shape, generator=generator(0))
    wild = x.clone()
    wild[1] = float("nan")
    outputs, buffers = [], []
    for given in (x, wild):
        p = tensors(layer, case.shape)
        outputs.append(layer.forward(given, p, step_of(layers, training=True))[[0, 2]])
        buffers.append([v.detach()[[0, 2]] for v in p.values()])
    assert torch.equal(*outputs)
    for one, other in zip(*buffers, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(("kind", "case"), cases())
def test_layers_that_differ_in_knobs_only_share_a_cohort(kind, case):
    layers = layers_of(kind, case)
    assert len({structure(layer) for layer in layers}) == 1
