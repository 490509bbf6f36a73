import json

import pytest

from core.regularizers.elastic_net import ElasticNet
from core.spec import Limits, experiment_at, resolve
from tests.counting import calls

BODY = {
    "dataset": "digits",
    "architecture": {
        "kind": "layers",
        "layers": [
            "flatten",
            {
                "kind": "dense",
                "units": {"values": [8, 16]},
                "regularizers": [{"kind": "l1", "lambda": {"values": [0.1, 1]}}],
            },
            {"kind": "dense", "units": 10},
        ],
    },
    "loss": "cross_entropy",
    "optimizer": {"kind": "sgd", "lr": {"log_range": [0.01, 1], "num": 3}},
    "batch_size": {"values": [32, 64]},
}
COMPARED = {
    **BODY,
    "architecture": {"kind": "mlp", "hidden": [{"values": [4, 8]}, 5]},
    "compare": [
        {"name": "none"},
        {"name": "elastic", "regularizer": {"kind": "elastic_net", "l1_ratio": {"values": [1]}}},
    ],
}


def document_of(body):
    document = resolve(body, lambda source: source.facts(), Limits()).document
    return json.loads(json.dumps(document))


def test_values_stand_where_the_ranges_were():
    setting = {
        "/architecture/layers/1/units": 16,
        "/architecture/layers/1/regularizers/0/lambda": 0.1,
        "/optimizer/lr": 1,
        "/batch_size": 32.0,
    }
    experiment = experiment_at(document_of(BODY), "base", setting)
    dense = experiment.architecture.layers[1]
    assert (dense.units, dense.regularizers[0].lam) == (16, 0.1)
    assert experiment.optimizer.lr == 1.0
    assert type(experiment.optimizer.lr) is float
    assert experiment.batch_size == 32
    assert type(experiment.batch_size) is int
    assert experiment.epochs == 30


def test_ranges_inside_lists_of_numbers_are_whole_too():
    experiment = experiment_at(document_of(COMPARED), "none", {"/architecture/hidden/0": 8.0})
    assert experiment.architecture.hidden == (8, 5)
    assert type(experiment.architecture.hidden[0]) is int


def test_each_arm_is_its_own():
    document = document_of(COMPARED)
    elastic = experiment_at(document, "elastic", {"/regularizers/0/l1_ratio": 1.0})
    assert elastic.regularizers == (ElasticNet(lam=0.01, l1_ratio=1.0),)
    assert experiment_at(document, "none", {}).regularizers == ()


def test_documents_do_not_share_their_arms():
    one, other = document_of(BODY), document_of({**BODY, "epochs": 3})
    assert experiment_at(one, "base", {}).epochs == 30
    assert experiment_at(other, "base", {}).epochs == 3
    assert experiment_at(one, "base", {}).epochs == 30


def test_an_unknown_arm_is_a_key_error():
    with pytest.raises(KeyError):
        experiment_at(document_of(BODY), "l2", {})


def test_a_run_is_rebuilt_in_a_few_calls():
    document = document_of(BODY)
    experiment_at(document, "base", {})

    def rebuild():
        for i in range(1000):
            experiment_at(document, "base", {"/optimizer/lr": i + 1.0, "/batch_size": 32})

    assert calls(rebuild) < 200_000
