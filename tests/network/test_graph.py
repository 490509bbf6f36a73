"""Networks that are no chain: what a layer reads, what is lowered, gradients that meet again."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from core.architectures.layers import Layers
from core.layers.layer import Shape
from core.network import INPUT, LayerFault, Network, build
from core.network.run import Model
from core.regularizers.dropout import Dropout
from tests.fields import numbers
from tests.stacks import CPU, Stack, generator

R, B = 3, 6
BLOCK = {
    "kind": "residual",
    "name": "block",
    "activation": "relu",
    "layers": [
        {"kind": "conv2d", "filters": 4, "stride": 2, "activation": "tanh"},
        {"kind": "conv2d", "filters": 4},
    ],
}


def layers(*bodies: Any) -> Layers:
    return Layers.model_validate({"layers": bodies})


def dense(units: int, **more: Any) -> dict[str, Any]:
    return {"kind": "dense", "units": units, **more}


def model_of(network: Network) -> tuple[Model, torch.Tensor]:
    gradient = torch.zeros(R, network.trained)
    w = 0.5 * torch.randn(R, network.size, generator=generator(0))
    return Model(network, w, gradient), gradient


def stacks_of(network: Network) -> list[Stack]:
    return [Stack([node.layer] * R, CPU) for node in network.nodes]


def test_a_layer_reads_what_it_names_and_the_one_before_it_otherwise():
    network = build(
        layers(
            dense(4, name="a"),
            dense(4, input="input"),
            {"kind": "multiply", "input": ["a", "dense_1"], "name": "gate"},
            {"kind": "concat", "input": ["gate", "a", "input"]},
            dense(2),
        ),
        numbers((3,)),
        2,
    )
    assert [(node.name, node.inputs) for node in network.nodes] == [
        ("a", (INPUT,)),
        ("dense_1", (INPUT,)),
        ("gate", (0, 1)),
        ("concat_3", (2, 0, INPUT)),
        ("dense_4", (3,)),
    ]
    assert network.nodes[3].shape_out == (4 + 4 + 3,)


def test_a_block_lowers_to_layers_whose_names_are_paths():
    network = build(layers(BLOCK, "flatten", dense(3)), numbers((2, 6, 6)), 3, noise=(Dropout(),))

    assert [(n.name, n.inputs) for n in network.nodes if not n.noise] == [
        ("block/conv2d_0", (INPUT,)),
        ("block/conv2d_1", (1,)),
        ("block/projection", (INPUT,)),
        ("block/add", (2, 3)),
        ("block/activation", (4,)),
        ("flatten_1", (6,)),
        ("dense_2", (7,)),
    ]
    assert [n.name for n in network.nodes if n.noise] == [
        "block/conv2d_0/noise",
        "block/activation/noise",
    ]
    assert network.label(network.places[0]) == "block/conv2d_0/weight"


class Reference(nn.Module):
    """BLOCK, then flatten and dense, as one would write it."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        super().__init__()
        for name, tensor in tensors.items():
            self.register_parameter(name.replace("/", "_"), nn.Parameter(tensor.clone()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        p = dict(self.named_parameters())
        h = torch.nn.functional.conv2d(
            x, p["block_conv2d_0_weight"], p["block_conv2d_0_bias"], stride=2, padding=1
        )
        h = torch.nn.functional.conv2d(
            torch.tanh(h), p["block_conv2d_1_weight"], p["block_conv2d_1_bias"], padding=1
        )
        h = torch.relu(h + torch.nn.functional.conv2d(x, p["block_projection_weight"], stride=2))
        return h.flatten(1) @ p["dense_2_weight"] + p["dense_2_bias"]


def test_outputs_and_gradients_are_those_of_the_network_written_out():
    network = build(layers(BLOCK, "flatten", dense(3)), numbers((2, 6, 6)), 3)
    model, gradient = model_of(network)
    x = torch.randn(1, B, 2, 6, 6, generator=generator(1)).expand(R, B, 2, 6, 6)

    y, pull = model.vjp({"x": x}, stacks_of(network), None)
    torch.testing.assert_close(model.forward({"x": x}, stacks_of(network)), y)
    pull(2 * y)

    for r in range(R):
        tensors = {
            network.label(place): model.tensors[place.node][place.name][r]
            for place in network.places
        }
        module = Reference(tensors)
        expected = module(x[r])
        torch.testing.assert_close(y[r], expected, rtol=1e-5, atol=1e-5)
        expected.square().sum().backward()
        for place in network.places:
            found = gradient[r, place.start : place.stop].reshape(place.parameter.shape)
            name = network.label(place).replace("/", "_")
            torch.testing.assert_close(found, module.get_parameter(name).grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["add", "multiply", "concat"])
def test_a_gradient_is_the_sum_over_all_that_read_an_output(kind: str):
    """The same output is read four times, twice by one layer."""
    network = build(
        layers(
            dense(4, name="a", activation="relu"),
            {"kind": kind, "input": ["a", "a"], "name": "twice"},
            dense(4, name="b", input=["a"], activation="tanh"),
            dense(4, name="c", input=["a"]),
            {"kind": "concat", "input": ["twice", "b", "c"]},
            dense(2),
        ),
        numbers((3,)),
        2,
    )
    model, gradient = model_of(network)
    x = torch.randn(R, B, 3, generator=generator(1))
    y, pull = model.vjp({"x": x}, stacks_of(network), None)
    pull(2 * y)

    leaf = model.tensors[0]["weight"].clone().requires_grad_()
    model.tensors[0]["weight"] = leaf
    with torch.enable_grad():
        model.forward({"x": x}, stacks_of(network)).square().sum().backward()
    first = network.places[0]
    assert network.label(first) == "a/weight"
    found = gradient[:, first.start : first.stop].reshape(leaf.shape)
    torch.testing.assert_close(found, leaf.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("bodies", "shape", "path", "words"),
    [
        (
            [BLOCK | {"layers": ["flatten", dense(9)]}, dense(3)],
            (2, 6, 6),
            ("layers", 0),
            "layer 0 (residual): its layers lead from (2, 6, 6) to (9,), and no projection",
        ),
        (
            [BLOCK | {"layers": ["flatten", "max_pool"]}, dense(3)],
            (2, 6, 6),
            ("layers", 0, "layers", 1),
            "layer 0 (residual): layer 1 (max_pool): max_pool needs an image",
        ),
        (
            [dense(3), {"kind": "add", "input": ["dense_0", "dense_2"]}],
            (4,),
            ("layers", 1),
            'layer 1 (add): it reads "dense_2", and before it are "input", "dense_0"',
        ),
        (
            [dense(3), "add"],
            (4,),
            ("layers", 1),
            'layer 1 (add): add reads two layers or more; name them in its "input"',
        ),
        (
            [dense(3), dense(4), {"kind": "add", "input": ["dense_0", "dense_1"]}],
            (4,),
            ("layers", 2),
            "layer 2 (add): add needs equal shapes and reads (3,) and (4,)",
        ),
        (
            [dense(3), dense(3, input=["dense_0", "input"])],
            (4,),
            ("layers", 1),
            "layer 1 (dense): dense reads one layer, and 2 are named",
        ),
        (
            [dense(3, name="lost"), dense(3, input=["input"])],
            (4,),
            ("layers", 0),
            'nothing reads the layer "lost"; leave it out',
        ),
    ],
)
def test_a_mistake_names_the_layer_and_leads_to_it(
    bodies: list[Any], shape: Shape, path: tuple[str | int, ...], words: str
):
    with pytest.raises(LayerFault) as caught:
        build(layers(*bodies), numbers(shape), 3)
    assert str(caught.value).startswith(words)
    assert caught.value.path == path
