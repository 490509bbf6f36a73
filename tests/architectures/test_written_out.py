"""Residual networks, transformers and recurrent networks against torch modules written by hand."""

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

R, B, OUTPUTS = 2, 4, 3


class TorchBlock(nn.Module):
    """torchvision.models.resnet.BasicBlock."""

    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.conv_1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.norm_1 = nn.BatchNorm2d(outside)
        self.conv_2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.norm_2 = nn.BatchNorm2d(outside)
        self.projects = stride > 1 or inside != outside
        if self.projects:
            self.conv_skip = nn.Conv2d(inside, outside, 1, stride, bias=False)
            self.norm_skip = nn.BatchNorm2d(outside)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.norm_1(self.conv_1(x)))
        h = self.norm_2(self.conv_2(h))
        return torch.relu(h + (self.norm_skip(self.conv_skip(x)) if self.projects else x))


class TorchResnet(nn.Module):
    """Two stages, of two and one blocks, width 4."""

    def __init__(self, stem: str) -> None:
        super().__init__()
        if stem == "cifar":
            self.conv2d_0, first, pool = nn.Conv2d(2, 4, 3, 1, 1, bias=False), 3, nn.Identity()
        else:
            self.conv2d_0, first = nn.Conv2d(2, 4, 7, 2, 3, bias=False), 4
            pool = nn.MaxPool2d(3, 2, 1)
        self.batch_norm_1, self.pool = nn.BatchNorm2d(4), pool
        blocks = [TorchBlock(4, 4, 1), TorchBlock(4, 4, 1), TorchBlock(4, 8, 2)]
        self.names = [f"basic_block_{first + i}" for i in range(3)]
        for name, block in zip(self.names, blocks, strict=True):
            setattr(self, name, block)
        self.last = f"dense_{first + 4}"
        setattr(self, self.last, nn.Linear(8, OUTPUTS))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.batch_norm_1(self.conv2d_0(x))))
        for name in self.names:
            x = getattr(self, name)(x)
        return getattr(self, self.last)(x.mean((2, 3)))


class TorchEncoder(nn.Module):
    """A stem, positions, two of torch's own encoder layers, norm, mean, linear."""

    def __init__(self, stem: nn.Module, stem_name: str, moments: int, *, causal: bool) -> None:
        super().__init__()
        self.stem_name = stem_name
        setattr(self, stem_name, stem)
        self.position_1 = nn.ParameterDict({"embedding": torch.zeros(moments, 8)})
        for name in ("encoder_block_2", "encoder_block_3"):
            options: dict[str, Any] = {"dropout": 0.0, "activation": "gelu", "batch_first": True}
            setattr(self, name, nn.TransformerEncoderLayer(8, 2, 12, norm_first=True, **options))
        self.layer_norm_4, self.dense_6 = nn.LayerNorm(8), nn.Linear(8, OUTPUTS)
        self.mask = torch.ones(moments, moments).triu(1).bool() if causal else None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = getattr(self, self.stem_name)(x)
        x = x.flatten(2).transpose(1, 2) if x.dim() == 4 else x
        x = x + self.position_1["embedding"]
        for block in (self.encoder_block_2, self.encoder_block_3):
            x = block(x, src_mask=self.mask)
        return self.dense_6(self.layer_norm_4(x).mean(1))


class TorchRecurrent(nn.Module):
    """Two layers, and a linear one of the last state."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        member = {"gru": nn.GRU, "lstm": nn.LSTM}[kind]
        self.names = [f"{kind}_0", f"{kind}_1"]
        setattr(self, self.names[0], member(3, 5, batch_first=True))
        setattr(self, self.names[1], member(5, 4, batch_first=True))
        self.dense_2 = nn.Linear(4, OUTPUTS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for name in self.names:
            x, _ = getattr(self, name)(x)
        return self.dense_2(x[:, -1])


# the names of torch's modules, where ours differ
NAMES = {
    "attention/qkv/weight": "self_attn/in_proj_weight",
    "attention/qkv/bias": "self_attn/in_proj_bias",
    "attention/out/": "self_attn/out_proj/",
    "dense_1/": "linear1/",
    "dense_2/": "linear2/",
    "norm_1/": "norm1/",
    "norm_2/": "norm2/",
}


def theirs(label: str) -> str:
    """Where torch has the parameter that we call by this path."""
    if label.startswith("encoder_block"):
        for ours, name in NAMES.items():
            label = label.replace(f"/{ours}", f"/{name}")
    label = label.replace("/scale", "/weight").replace("/shift", "/bias")
    if label.startswith(("gru", "lstm")):
        label += "_l0"
    return label.replace("/", ".")


def to_theirs(value: torch.Tensor, name: str, shape: torch.Size) -> torch.Tensor:
    """Weights of ours are (in, out), of patches too, and biases of products (1, out)."""
    return (value.T if value.dim() == 2 and "embedding" not in name else value).reshape(shape)


@dataclass
class Case:
    """An architecture, the shape of an example, and the same network in torch."""

    kind: str
    body: dict[str, Any]
    shape: Shape
    module: Callable[[], nn.Module]


ENCODER = {"width": 8, "heads": 2, "hidden": 12}
RESNET = {"blocks": [2, 1], "width": 4}
CASES = [
    Case("resnet", RESNET, (2, 9, 7), lambda: TorchResnet("cifar")),
    Case("resnet", {**RESNET, "stem": "imagenet"}, (2, 21, 24), lambda: TorchResnet("imagenet")),
    Case(
        "vit",
        {**ENCODER, "patch": 3},
        (2, 6, 9),
        lambda: TorchEncoder(nn.Conv2d(2, 8, 3, 3), "patches_0", 6, causal=False),
    ),
    Case(
        "transformer",
        ENCODER,
        (5, 3),
        lambda: TorchEncoder(nn.Linear(3, 8), "dense_0", 5, causal=False),
    ),
    Case(
        "transformer",
        {**ENCODER, "causal": True},
        (5, 3),
        lambda: TorchEncoder(nn.Linear(3, 8), "dense_0", 5, causal=True),
    ),
    Case("gru", {"hidden": [5, 4]}, (6, 3), lambda: TorchRecurrent("gru")),
    Case("lstm", {"hidden": [5, 4]}, (6, 3), lambda: TorchRecurrent("lstm")),
]


def started(network: Network) -> torch.Tensor:
    """Rows as training starts them, but for scales and statistics, which would hide mistakes."""
    w = torch.zeros(R, network.size)
    for index, place in enumerate(network.places):
        p = place.parameter
        drawn = torch.rand(R, place.stop - place.start, generator=generator(index))
        w[:, place.start : place.stop] = (2 * drawn - 1) * p.bound if p.bound else 0.5 + drawn
    return w


def loaded(case: Case, network: Network, w: torch.Tensor, r: int) -> nn.Module:
    module = case.module()
    state = module.state_dict()
    named = {
        theirs(network.label(place)): w[r, place.start : place.stop].view(place.parameter.shape)
        for place in network.places
    }
    missing = {name for name in state if not name.endswith("num_batches_tracked")} ^ named.keys()
    assert not missing
    for name, value in named.items():
        state[name] = to_theirs(value, name, state[name].shape)
    module.load_state_dict(state)
    return module


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.kind}-{c.shape}")
def test_outputs_gradients_and_statistics_are_those_of_the_module(case, training):
    architecture = Architecture.members()[case.kind].model_validate(case.body)
    network = build(architecture, numbers(case.shape), OUTPUTS)
    w = started(network)
    gradient = torch.zeros(R, network.trained)
    modules = [loaded(case, network, w, r).train(training) for r in range(R)]
    model = Model(network, w, gradient)
    stacks = [Stack([node.layer] * R, CPU) for node in network.nodes]
    x = torch.randn(R, B, *case.shape, generator=generator(100))

    y, pull = model.vjp({"x": x}, stacks, _no_draws if training else None)
    weight = torch.randn(y.shape, generator=generator(101))
    before = y.clone()
    pull(weight.clone())

    for r, module in enumerate(modules):
        expected = module(x[r])
        torch.testing.assert_close(before[r], expected, rtol=1e-5, atol=1e-5)
        (expected * weight[r]).sum().backward()
        found = dict(module.named_parameters()) | dict(module.named_buffers())
        for place in network.places:
            name = theirs(network.label(place))
            reference = found[name]
            if reference.grad is None:
                ours = w[r, place.start : place.stop]
                torch.testing.assert_close(ours, reference.flatten(), rtol=1e-5, atol=1e-5)
            else:
                ours = gradient[r, place.start : place.stop].view(place.parameter.shape)
                scale = max(1.0, reference.grad.abs().max().item())
                torch.testing.assert_close(
                    to_theirs(ours, name, reference.shape),
                    reference.grad,
                    rtol=1e-5,
                    atol=1e-5 * scale,
                )
    count = sum(p.numel() for p in modules[0].parameters())
    assert network.parameters == count


def _no_draws(node: int, shape: Shape, lo: int, hi: int) -> torch.Tensor:
    raise AssertionError(f"node {node} drew noise, and there is no dropout")
