import pytest

from core.datasets import DatasetFacts, Replicate
from core.errors import InvalidSpec, TooLarge
from core.metrics import Metric
from core.spec import Limits, resolve, runs_of
from tests.counting import calls

LEAST = {"dataset": "digits", "architecture": "mlp", "loss": "cross_entropy"}
L1 = [{"kind": "l1", "lambda": {"log_range": [1e-5, 1e-2], "num": 8}}]
L2 = [{"kind": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 8}}]
DROPOUT = [{"kind": "dropout", "p": {"values": [0.1, 0.3, 0.5]}}]
DEMO = {
    **LEAST,
    "folds": 5,
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
    assert (document["folds"], document["repeats"], document["inner_folds"]) == (5, 1, None)
    assert document["seeds"] == [0]
    assert document["split"]["by"] == "rows"
    assert document["select"] == {"metric": "val_accuracy", "rule": "min"}
    assert document["search"] == {"method": "grid"}
    assert document["compare"] is None
    assert [(arm.name, arm.settings) for arm in job.arms] == [("base", ({},))]


def test_a_regression_is_chosen_by_a_measure_that_is_the_same_for_every_loss():
    document = resolved(LEAST | {"dataset": "diabetes", "loss": "mse"}).document
    assert document["select"]["metric"] == "val_mse"


def test_runs_come_arm_by_arm_then_setting_seed_repeat_fold_and_inner_fold():
    body = LEAST | {
        "seeds": [7, 3],
        "repeats": 2,
        "folds": 2,
        "inner_folds": 2,
        "compare": [
            {"name": "a"},
            {"name": "b", "regularizer": "l2", "lambda": {"values": [0.1, 0.2]}},
        ],
    }
    place = "/regularizers/0/lambda"
    replicates = [
        Replicate(seed, repeat, fold, inner)
        for seed in (7, 3)
        for repeat in (0, 1)
        for fold in (0, 1)
        for inner in (0, 1)
    ]
    assert list(runs_of(resolved(body))) == [
        *(("a", {}, replicate) for replicate in replicates),
        *(("b", {place: 0.1}, replicate) for replicate in replicates),
        *(("b", {place: 0.2}, replicate) for replicate in replicates),
    ]


def test_with_one_held_out_part_a_run_has_no_fold():
    found = [replicate for *_, replicate in runs_of(resolved(LEAST | {"folds": 1}))]
    assert found == [Replicate(seed) for seed in (0, 1, 2)]


def test_large_data_holds_out_one_part_and_trains_three_seeds():
    moons = {"kind": "moons", "examples": 24_999}
    folds = [
        resolved(LEAST | {"dataset": moons | {"examples": n}}).document for n in (24_999, 25_000)
    ]
    assert [(doc["folds"], doc["seeds"]) for doc in folds] == [(5, [0]), (1, [0, 1, 2])]


def test_a_resolved_protocol_resolves_to_itself():
    body = LEAST | {"repeats": 3, "inner_folds": 4, "seeds": 2, "split": {"duplicates": "apart"}}
    document = resolved(body).document
    assert resolved(document).document == document


def test_an_arm_may_be_the_baseline():
    body = LEAST | {"compare": [{"name": "a"}, {"name": "b", "baseline": True}]}
    assert [arm["baseline"] for arm in resolved(body).document["compare"]] == [False, True]


@pytest.mark.parametrize(
    ("counts", "metric"),
    [((80, 20), "val_accuracy"), ((81, 10, 9), "val_balanced_accuracy"), ((), "val_accuracy")],
)
def test_where_one_class_has_most_of_the_rows_accuracy_does_not_choose(counts, metric):
    names = tuple(f"c{i}" for i in range(max(len(counts), 2)))
    facts = DatasetFacts.of_numbers("classification", 100, (3,), names, counts)
    document = resolve(LEAST, lambda source: facts, Limits()).document
    assert document["select"]["metric"] == metric


def test_two_classes_of_which_one_has_most_rows_are_chosen_by_ranking():
    facts = DatasetFacts.of_numbers("classification", 100, (3,), ("no", "yes"), (85, 15))
    ranked = "roc_auc" if "roc_auc" in Metric.members() else "balanced_accuracy"
    document = resolve(LEAST, lambda source: facts, Limits()).document
    assert document["select"]["metric"] == f"val_{ranked}"


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
    with pytest.raises(InvalidSpec, match="20 settings x 5 folds are 100 runs; at most 99"):
        resolved(DEMO, runs_max=99)


def test_a_service_may_want_shorter_names():
    with pytest.raises(InvalidSpec, match="a name of 5 characters; at most 4"):
        resolved(LEAST | {"name": "12345"}, name_max=4)


def test_what_the_store_cannot_tell_is_not_the_bodys_fault():
    def away(source):
        raise TooLarge("the store is full")

    with pytest.raises(TooLarge):
        resolve(LEAST, away, Limits())


def test_a_demo_resolves_in_a_few_calls():
    assert calls(lambda: resolved(DEMO)) < 20_000
