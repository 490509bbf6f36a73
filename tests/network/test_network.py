"""How a network's parameters lie in a row, and what it says when shapes do not fit."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis import settings as examples
from pydantic import ValidationError

from core.architectures.cnn import Cnn
from core.architectures.layers import Layers
from core.architectures.linear import Linear
from core.architectures.mlp import Mlp
from core.layers.layer import ROLES
from core.network import ALIGN, Network, build, noise_of
from core.regularizers import Regularizer
from core.regularizers.dropout import Dropout
from tests.fields import numbers

DROPOUT = (Dropout(),)
WIDTH = st.integers(1, 40)
NETWORKS = st.one_of(
    st.builds(
        lambda hidden, norm, inputs, outputs, noise: build(
            Mlp(hidden=tuple(hidden), batch_norm=norm),
            numbers((inputs,)),
            outputs,
            noise=DROPOUT if noise else (),
        ),
        *(st.lists(WIDTH, max_size=4), st.booleans(), WIDTH, WIDTH, st.booleans()),
    ),
    st.builds(
        lambda filters, norm, side, outputs: build(
            Cnn(filters=tuple(filters), batch_norm=norm),
            numbers((2, side, 5)),
            outputs,
            noise=DROPOUT,
        ),
        *(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.booleans(), WIDTH, WIDTH),
    ),
    st.builds(
        lambda bias, inputs, outputs: build(Linear(bias=bias), numbers((inputs,)), outputs),
        *(st.booleans(), WIDTH, WIDTH),
    ),
)


def layers(*bodies: Any) -> Layers:
    return Layers.model_validate({"layers": bodies})


@examples(max_examples=100, deadline=None)
@given(NETWORKS)
def test_every_tensor_starts_at_a_multiple_of_sixteen_and_none_overlap(network: Network):
    assert ALIGN == 16
    assert network.places[0].start == 0
    assert network.size % ALIGN == 0
    for place in network.places:
        assert place.start % ALIGN == 0
        assert place.stop - place.start == math.prod(place.parameter.shape)
    for place, after in pairwise(network.places):
        assert 0 <= after.start - place.stop < ALIGN, "only padding lies between"
    assert 0 <= network.size - network.places[-1].stop < ALIGN


@examples(max_examples=100, deadline=None)
@given(NETWORKS)
def test_weights_come_first_and_a_slice_holds_every_role_up_to_its_own(network: Network):
    order = [ROLES.index(place.parameter.role) for place in network.places]
    assert order == sorted(order)
    for role in ROLES:
        start, stop = network.slice_of(role)
        inside = [p for p in network.places if ROLES.index(p.parameter.role) <= ROLES.index(role)]
        assert start == 0
        assert stop % ALIGN == 0
        assert all(p.stop <= stop for p in inside)
        assert all(p.start >= stop for p in network.places if p not in inside)
    assert network.slice_of("buffer") == (0, network.size)
    assert network.trained == network.slice_of("scale")[1]
    assert all(place.parameter.role == "weight" for place in network.weights())


@examples(max_examples=100, deadline=None)
@given(NETWORKS)
def test_padding_and_buffers_are_not_counted_as_parameters(network: Network):
    counted = [p for p in network.places if p.parameter.role != "buffer"]
    assert network.parameters == sum(math.prod(p.parameter.shape) for p in counted)
    assert network.parameters <= network.trained <= network.size


@examples(max_examples=100, deadline=None)
@given(NETWORKS)
def test_shapes_chain_from_the_example_to_the_outputs_and_names_are_unique(network: Network):
    assert network.nodes[0].shapes_in == (network.inputs[0].shape,)
    assert network.nodes[-1].shape_out == (network.outputs,)
    for node, after in pairwise(network.nodes):
        assert (node.shape_out,) == after.shapes_in
    assert len({node.name for node in network.nodes}) == len(network.nodes)


@pytest.mark.parametrize("norm", [False, True])
def test_noise_follows_every_hidden_activation_and_moves_no_parameter(norm):
    mlp = Mlp(hidden=(8, 6), batch_norm=norm)
    plain = build(mlp, numbers((5,)), 3)
    noisy = build(mlp, numbers((5,)), 3, noise=DROPOUT)

    added = [i for i, node in enumerate(noisy.nodes) if node.noise]
    assert len(added) == 2
    assert all(noisy.nodes[i - 1].layer.activates for i in added)
    assert not noisy.nodes[-1].noise
    names = [n.name for n in noisy.nodes if not n.noise]
    assert names == [n.name for n in plain.nodes]
    places = [(p.start, p.stop, p.parameter) for p in plain.places]
    assert places == [(p.start, p.stop, p.parameter) for p in noisy.places]


def test_no_noise_follows_outputs_that_are_activated():
    network = build(
        layers({"kind": "dense", "units": 3, "activation": "relu"}), numbers((5,)), 3, noise=DROPOUT
    )
    assert [node.noise for node in network.nodes] == [None]


def test_noise_is_wanted_by_dropout_only():
    kinds = [kind for kind, member in Regularizer.members().items() if noise_of([member()])]
    assert kinds == ["dropout"]


@pytest.mark.parametrize(
    ("architecture", "shape", "sentence"),
    [
        (
            layers({"kind": "dense", "units": 4}),
            (1, 8, 8),
            "layer 0 (dense): dense needs features (F,) or a sequence (T, F) and gets (1, 8, 8)",
        ),
        (
            layers("flatten", {"kind": "conv2d", "filters": 2}),
            (1, 8, 8),
            "layer 1 (conv2d): conv2d needs an image",
        ),
        (
            layers("flatten", {"kind": "dense", "units": 5}),
            (1, 8, 8),
            "the last layer must give (4,) outputs, and it gives (5,)",
        ),
        (layers("max_pool"), (1, 8, 8), "the last layer must give (4,) outputs"),
        (Cnn(), (64,), "cnn needs images (channels, height, width), and these examples have"),
        (Cnn(kernel=4), (1, 8, 8), "layer 0 (conv2d): same padding needs an odd kernel"),
    ],
)
def test_a_shape_mistake_names_the_layer(architecture, shape, sentence):
    with pytest.raises(ValueError) as caught:
        build(architecture, numbers(shape), 4)
    assert str(caught.value).startswith(sentence)


@pytest.mark.parametrize(("first", "second"), [("head", "head"), ("dense_1", None)])
def test_two_layers_of_one_name_are_refused_since_they_would_share_their_draws(first, second):
    hidden = {"kind": "dense", "units": 4, "name": first}
    last = {"kind": "dense", "units": 4, "name": second}
    with pytest.raises(ValueError) as caught:
        build(layers(hidden, last), numbers((4,)), 4)
    expected = f'layer 1 (dense): the name "{first}" is that of layer 0; use another'
    assert str(caught.value) == expected


def test_noise_has_a_name_that_no_layer_can_have():
    hidden = {"kind": "dense", "units": 4, "activation": "relu", "name": "first"}
    network = build(layers(hidden, {"kind": "dense", "units": 4}), numbers((4,)), 4, noise=DROPOUT)
    assert [node.name for node in network.nodes] == ["first", "first/noise", "dense_1"]
    with pytest.raises(ValidationError):
        layers({**hidden, "name": "first/noise"})


def test_pooling_stops_when_the_image_is_too_small():
    network = build(Cnn(filters=(2, 2, 2, 2, 2)), numbers((1, 8, 8)), 3)
    assert [node.layer.kind for node in network.nodes].count("max_pool") == 3


def test_activations_and_flops_are_those_of_all_layers():
    network = build(Mlp(hidden=(10,)), numbers((1, 2, 3)), 4)
    assert network.flops == 2 * (6 * 10 + 10 * 4)
    assert network.activations == 6 + 6 + 10 + 4  # the example, flattened, hidden, outputs


def test_what_a_layer_keeps_inside_counts_among_the_activations():
    gru = {"kind": "gru", "units": 4}
    network = build(layers(gru, {"kind": "dense", "units": 2}), numbers((5, 3)), 2)
    # 5 moments of 3; the two halves of three gates, and three gates, memory, state, state after
    assert network.activations == 15 + 5 * 4 * (2 * 3 + 6) + 4 + 2
