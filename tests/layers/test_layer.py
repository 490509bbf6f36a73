"""What layers say of themselves: shapes, starting values, what may act on one layer alone."""

from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from core.layers import Layer
from core.layers.block import Block
from core.layers.layer import ROLES, Shape
from core.network import INPUT, Graph
from core.regularizers import Regularizer
from core.regularizers.regularizer import Constraint, Decay, Penalty
from tests.fields import numbers
from tests.layers.uses import uses

MEMBERS = Layer.members()
SHAPES: list[Shape] = [(5,), (5, 6), (2, 6, 6)]


def made(kind: str, **body: Any) -> Layer:
    """As its first example has it, without the activation, and with these fields."""
    first = dict(MEMBERS[kind].examples()[0].body)
    if kind != "activation":
        first.pop("activation", None)
    return MEMBERS[kind].model_validate({**first, **body})


MISTAKES = [
    (
        "dense",
        {},
        (1, 8, 8),
        "dense needs features (F,) or a sequence (T, F) and gets (1, 8, 8); put a flatten",
    ),
    ("conv2d", {}, (64,), "conv2d needs an image (channels, height, width) and gets (64,)"),
    ("conv2d", {"kernel": 4}, (1, 8, 8), "same padding needs an odd kernel, and 4 is even"),
    (
        "conv2d",
        {"kernel": 5, "padding": "valid"},
        (1, 4, 8),
        "a kernel of 5 does not fit in 4 x 8",
    ),
    ("max_pool", {}, (64,), "max_pool needs an image (channels, height, width) and gets (64,)"),
    ("average_pool", {}, (64,), "average_pool needs an image"),
    ("max_pool", {"size": 4}, (1, 3, 8), "max_pool of size 4 does not fit in 3 x 8"),
    ("layer_norm", {}, (1, 8, 8), "for images use group_norm"),
    ("rms_norm", {}, (1, 8, 8), "for images use group_norm"),
    ("group_norm", {"groups": 4}, (6, 3, 8), "group_norm cannot divide 6 channels in 4"),
    ("group_norm", {}, (5, 6), "group_norm needs an image (channels, height, width)"),
    ("global_average_pool", {}, (5,), "needs an image or a sequence and gets (5,)"),
    ("patches", {"size": 3}, (1, 6, 8), "patches of 3 do not fill 6 x 8"),
    ("position", {}, (5,), "position needs a sequence (T, F) and gets (5,)"),
    ("attention", {"heads": 4}, (5, 6), "attention of 4 heads needs a sequence (T, 3 F), F div"),
    ("gru", {}, (5,), "gru needs a sequence (T, F) and gets (5,)"),
    ("lstm", {}, (1, 5, 6), "lstm needs a sequence (T, F) and gets (1, 5, 6)"),
]


@pytest.mark.parametrize(("kind", "body", "shape", "sentence"), MISTAKES)
def test_a_shape_that_does_not_fit_is_refused_in_a_sentence(kind, body, shape, sentence):
    with pytest.raises(ValueError) as caught:
        made(kind, **body).output_shape(shape)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", MEMBERS)
def test_a_layer_takes_a_shape_or_says_in_a_sentence_what_is_wrong_with_it(kind, shape):
    for example in MEMBERS[kind].examples():
        layer = MEMBERS[kind].model_validate({"kind": kind, **example.body})
        after = outcome(layer, shape, reads=len(example.shapes))
        if isinstance(after, str):
            assert shape not in example.shapes or example.coded
            assert " " in after
        else:
            assert all(n >= 1 for n in after)


def outcome(layer: Layer, shape: Shape, *, reads: int) -> Shape | str:
    """The shape after a layer that reads this shape so many times, or what is wrong."""
    graph = Graph(numbers(shape))
    try:
        last = graph(layer, *[INPUT] * reads)
    except ValueError as error:
        return str(error)
    assert all(node.flops >= 0 for node in graph.nodes)
    return graph.shape(last)


@pytest.mark.parametrize("use", uses())
def test_parameters_have_known_roles_and_one_weight_where_a_layer_has_regularizers(use):
    for node in use.nodes(use.layers[0]):
        parameters = node.layer.parameters_of(*node.shapes_in)
        assert len({p.name for p in parameters}) == len(parameters)
        assert all(p.role in ROLES for p in parameters)
        if "regularizers" in type(node.layer).model_fields:
            assert sum(p.role == "weight" for p in parameters) == 1, "what they act on"


@pytest.mark.parametrize(
    ("layer", "shape", "module"),
    [
        (made("dense", units=50), (400,), nn.Linear(400, 50)),
        (made("conv2d", filters=50, kernel=5), (8, 9, 9), nn.Conv2d(8, 50, 5)),
    ],
    ids=["dense", "conv2d"],
)
def test_weights_start_within_the_bounds_of_torch(layer, shape, module):
    torch.manual_seed(0)
    module.reset_parameters()
    for parameter in layer.parameters(shape):
        largest = getattr(module, parameter.name).abs().max().item()
        assert 0.9 * parameter.bound < largest <= parameter.bound * (1 + 1e-6)


def test_a_norm_starts_as_the_identity_and_has_nothing_to_penalise():
    parameters = {p.name: p for p in made("batch_norm").parameters((4, 3, 3))}
    assert {name: p.start for name, p in parameters.items()} == {
        "scale": 1,
        "shift": 0,
        "running_mean": 0,
        "running_var": 1,
    }
    assert {p.role for p in parameters.values()} == {"scale", "buffer"}


@pytest.mark.parametrize("kind", Regularizer.members())
@pytest.mark.parametrize("layer", [k for k in MEMBERS if "regularizers" in MEMBERS[k].model_fields])
def test_only_what_acts_on_weights_may_be_put_on_a_layer(layer, kind):
    if issubclass(Regularizer.members()[kind], Penalty | Decay | Constraint):
        assert made(layer, regularizers=[kind]).regularizers[0].kind == kind
    else:
        with pytest.raises(ValidationError, match=f"{kind} does not act on one layer's weights"):
            made(layer, regularizers=[kind])


def test_a_penalty_on_one_layer_that_asks_for_its_biases_is_refused_rather_than_ignored():
    with pytest.raises(ValidationError, match="a layer's own l2 acts on its weights only"):
        made("dense", regularizers=[{"kind": "l2", "biases": True}])


@pytest.mark.parametrize("kind", MEMBERS)
def test_dropout_acts_after_what_activates(kind):
    layer = made(kind)
    if "activation" not in type(layer).model_fields:
        return
    assert layer.activates == (kind == "activation")
    if not isinstance(layer, Block):  # what a block lowers to activates
        assert made(kind, activation="relu").activates


def test_flops_count_a_multiply_and_an_add_for_each_weight_and_place():
    assert made("dense", units=7).flops((5,)) == 2 * 5 * 7
    # 4 filters of 2 x 3 x 3 at 6 x 6 places; stride 2 leaves 3 x 3
    assert made("conv2d").flops((2, 6, 6)) == 2 * 4 * 18 * 36
    assert made("conv2d", stride=2).flops((2, 6, 6)) == 2 * 4 * 18 * 9
