"""Architectures against the torch modules they stand for: parameters, outputs, gradients."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from core.architectures import Architecture
from core.layers.layer import Shape
from core.network import Network, build
from core.network.run import Model
from tests.fields import numbers
from tests.stacks import CPU, Stack, generator

R, B, OUTPUTS = 3, 7, 4


@dataclass
class Case:
    """An architecture's fields, the shape of an example, and the same network in torch."""

    body: dict[str, Any]
    shape: Shape
    module: Callable[[], nn.Sequential]


CASES: dict[str, list[Case]] = {
    "linear": [
        Case({}, (9,), lambda: nn.Sequential(nn.Linear(9, OUTPUTS))),
        Case({"bias": False}, (9,), lambda: nn.Sequential(nn.Linear(9, OUTPUTS, bias=False))),
        Case({}, (1, 3, 3), lambda: nn.Sequential(nn.Flatten(), nn.Linear(9, OUTPUTS))),
    ],
    "mlp": [
        Case(
            {"hidden": (10, 5)},
            (9,),
            lambda: nn.Sequential(
                nn.Linear(9, 10), nn.ReLU(), nn.Linear(10, 5), nn.ReLU(), nn.Linear(5, OUTPUTS)
            ),
        ),
        Case({"hidden": ()}, (9,), lambda: nn.Sequential(nn.Linear(9, OUTPUTS))),
        Case(
            {"hidden": (40,), "activation": "tanh", "batch_norm": True},
            (9,),
            lambda: nn.Sequential(
                nn.Linear(9, 40), nn.BatchNorm1d(40), nn.Tanh(), nn.Linear(40, OUTPUTS)
            ),
        ),
    ],
    "cnn": [
        Case(
            {"filters": (3, 5)},
            (2, 8, 8),
            lambda: nn.Sequential(
                *(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Conv2d(3, 5, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
                *(nn.Flatten(), nn.Linear(5 * 2 * 2, OUTPUTS)),
            ),
        ),
        Case(  # 3 x 5 -> 1 x 2, and no second pooling
            {
                "filters": (3, 4),
                "kernel": 5,
                "hidden": (6,),
                "activation": "gelu",
                "batch_norm": True,
            },
            (1, 3, 5),
            lambda: nn.Sequential(
                *(nn.Conv2d(1, 3, 5, padding=2), nn.BatchNorm2d(3), nn.GELU(), nn.MaxPool2d(2)),
                *(nn.Conv2d(3, 4, 5, padding=2), nn.BatchNorm2d(4), nn.GELU()),
                *(nn.Flatten(), nn.Linear(4 * 2, 6), nn.GELU(), nn.Linear(6, OUTPUTS)),
            ),
        ),
    ],
    "layers": [
        Case(
            {
                "layers": [
                    {"kind": "conv2d", "filters": 3, "stride": 2, "activation": "elu"},
                    "average_pool",
                    "flatten",
                    {"kind": "dense", "units": 6, "bias": False},
                    {"kind": "activation", "activation": "sigmoid"},
                    {"kind": "dense", "units": OUTPUTS, "activation": "softmax"},
                ]
            },
            (2, 8, 8),
            lambda: nn.Sequential(
                *(nn.Conv2d(2, 3, 3, 2, 1), nn.ELU(), nn.AvgPool2d(2), nn.Flatten()),
                *(nn.Linear(12, 6, bias=False), nn.Sigmoid(), nn.Linear(6, OUTPUTS)),
            ),
        )
    ],
}


def cases() -> list[Any]:
    return [
        pytest.param(Architecture.members()[kind](**case.body), case, id=f"{kind}-{i}")
        for kind, of_kind in CASES.items()
        for i, case in enumerate(of_kind)
    ]


def network_of(architecture: Architecture, case: Case) -> Network:
    return build(architecture, numbers(case.shape), OUTPUTS)


def loaded(module: nn.Sequential, model: Model, r: int) -> nn.Sequential:
    """The module with run r's weights: parameterised layers follow in the same order."""
    theirs = [layer for layer in module if list(layer.parameters())]
    ours = [tensors for tensors in model.tensors if tensors]
    names = {"scale": "weight", "shift": "bias"}
    with torch.no_grad():
        for layer, tensors in zip(theirs, ours, strict=True):
            for name, value_R in tensors.items():
                target = layer.state_dict()[names.get(name, name)]
                linear = isinstance(layer, nn.Linear)
                target.copy_(value_R[r].T.reshape(target.shape) if linear else value_R[r])
    return module


@pytest.mark.parametrize(("architecture", "case"), cases())
def test_the_number_of_parameters_is_that_of_the_torch_modules(architecture, case):
    expected = sum(p.numel() for p in case.module().parameters())
    assert network_of(architecture, case).parameters == expected


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize(("architecture", "case"), cases())
def test_outputs_and_gradients_are_those_of_the_torch_modules(architecture, case, training):
    network = network_of(architecture, case)
    w = 0.5 * torch.randn(R, network.size, generator=generator(0))
    for place in network.places:
        if place.parameter.role == "buffer":
            w[:, place.start : place.stop] = place.parameter.start
    gradient = torch.zeros(R, network.trained)
    model = Model(network, w, gradient)
    stacks = [Stack([node.layer] * R, CPU) for node in network.nodes]
    x = torch.randn(1, B, *case.shape, generator=generator(1)).expand(R, B, *case.shape)
    modules = [loaded(case.module(), model, r).train(training) for r in range(R)]

    y, pull = model.vjp({"x": x}, stacks, _no_draws if training else None)
    pull(2 * y)

    assert y.shape == (R, B, OUTPUTS)
    found = Model(network, torch.cat([gradient, w[:, network.trained :]], 1))
    for r, module in enumerate(modules):
        expected = module(x[r])
        torch.testing.assert_close(y[r], expected, rtol=1e-5, atol=1e-5)
        expected.square().sum().backward()
        ours = loaded(case.module(), found, r)
        for one, other in zip(ours.parameters(), module.parameters(), strict=True):
            torch.testing.assert_close(one.detach(), other.grad, rtol=1e-4, atol=1e-4)


def _no_draws(node: int, shape: Shape, lo: int, hi: int) -> torch.Tensor:
    raise AssertionError(f"node {node} drew noise, and there is no dropout")
