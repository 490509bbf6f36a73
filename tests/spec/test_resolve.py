from time import perf_counter

import pytest

from core.errors import InvalidSpec, TooLarge
from core.spec import Limits, resolve, runs_of

LEAST = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy"}
L1 = [{"kind": "l1", "lambda": {"log_range": [1e-5, 1e-2], "num": 8}}]
L2 = [{"kind": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 8}}]
DROPOUT = [{"kind": "dropout", "p": {"values": [0.1, 0.3, 0.5]}}]
DEMO = {
    **LEAST,
    "seeds": 5,
    "compare": [
        {"name": "none"},
        {"name": "l1", "regularizers": L1},
        {"name": "l2", "regularizers": L2},
        {"name": "dropout", "regularizers": DROPOUT},
    ],
}


def facts_of(source):
    return source.facts()


def resolved(body, **limits):
    return resolve(body, facts_of, Limits(**limits))


def test_the_least_body_gets_every_default():
    job = resolved(LEAST | {"regularizer": "l2", "lambda": 0.01})
    document = job.document
    assert document["regularizers"] == [{"kind": "l2", "lambda": 0.01, "biases": False}]
    assert document["dataset"] == {"kind": "builtin", "name": "digits", "image_size": None}
    assert document["optimizer"] == {
        "kind": "sgd",
        "lr": 0.02,
        "momentum": 0.9,
        "nesterov": False,
    }
    assert document["seeds"] == [0, 1, 2]
    assert document["select"] == {"metric": "val_accuracy", "rule": "min"}
    assert document["search"] == {"method": "grid"}
    assert document["compare"] is None
    assert [(arm.name, arm.settings) for arm in job.arms] == [("base", ({},))]


def test_a_regression_is_chosen_by_a_measure_that_is_the_same_for_every_loss():
    document = resolved(LEAST | {"dataset": "diabetes", "loss": "mse"}).document
    assert document["select"]["metric"] == "val_mse"


def test_runs_come_arm_by_arm_then_setting_seed_and_fold():
    body = LEAST | {
        "seeds": [7, 3],
        "folds": 2,
        "compare": [
            {"name": "a"},
            {"name": "b", "regularizer": "l2", "lambda": {"values": [0.1, 0.2]}},
        ],
    }
    place = "/regularizers/0/lambda"
    replicates = [(7, 0), (7, 1), (3, 0), (3, 1)]
    assert list(runs_of(resolved(body))) == [
        *(("a", {}, seed, fold) for seed, fold in replicates),
        *(("b", {place: 0.1}, seed, fold) for seed, fold in replicates),
        *(("b", {place: 0.2}, seed, fold) for seed, fold in replicates),
    ]


def test_without_folds_a_run_has_none():
    assert [fold for *_, fold in runs_of(resolved(LEAST))] == [None, None, None]


def test_random_search_draws_apart_for_each_arm():
    vary = {"regularizer": "l2", "lambda": {"log_range": [1e-5, 1]}}
    body = LEAST | {
        "search": {"method": "random", "trials": 6},
        "compare": [{"name": "a", **vary}, {"name": "b", **vary}, {"name": "still"}],
    }
    a, b, still = resolved(body).arms
    assert len(a.settings) == len(b.settings) == 6
    assert a.settings != b.settings
    assert still.settings == ({},)


def test_what_every_arm_supplies_the_body_need_not_have():
    body = {
        "dataset": "digits",
        "compare": [
            {"architecture": "mlp", "loss": "mse"},
            {"architecture": "linear", "loss": "cross_entropy"},
        ],
    }
    job = resolved(body)
    assert [arm.experiment.loss.kind for arm in job.arms] == ["mse", "cross_entropy"]
    assert resolved(job.document).document == job.document


def test_arms_without_a_name_are_numbered():
    assert [arm.name for arm in resolved(LEAST | {"compare": [{}, {}]}).arms] == ["arm1", "arm2"]


def test_one_point_zero_is_one():
    job = resolved(LEAST | {"epochs": 3.0, "architecture": {"kind": "mlp", "hidden": [64.0]}})
    assert job.document["epochs"] == 3
    assert job.document["architecture"]["hidden"] == [64]


def test_a_job_of_as_many_runs_as_allowed_is_allowed():
    assert resolved(DEMO, runs_max=100)
    with pytest.raises(InvalidSpec, match="20 settings x 5 seeds are 100 runs; at most 99"):
        resolved(DEMO, runs_max=99)


def test_a_service_may_want_shorter_names():
    with pytest.raises(InvalidSpec, match="a name of 5 characters; at most 4"):
        resolved(LEAST | {"name": "12345"}, name_max=4)


def test_what_the_store_cannot_tell_is_not_the_bodys_fault():
    def away(source):
        raise TooLarge("the store is full")

    with pytest.raises(TooLarge):
        resolve(LEAST, away, Limits())


def test_a_demo_resolves_in_milliseconds():
    def seconds():
        start = perf_counter()
        resolved(DEMO)
        return perf_counter() - start

    assert min(seconds() for _ in range(20)) < 0.005
