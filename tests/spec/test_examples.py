"""The job bodies under examples/jobs are the systems that the project was asked for, exactly."""

import json
from pathlib import Path

import pytest

from core.spec import Limits, resolve, runs_of

JOBS = Path(__file__).parents[2] / "examples" / "jobs"
LAMBDA = "/regularizers/0/lambda"


def job(name):
    body = json.loads((JOBS / f"{name}.json").read_text())
    return resolve(body, lambda source: source.facts(), Limits())


def grid(arm):
    return [setting[LAMBDA] for setting in arm.settings]


@pytest.mark.parametrize("path", sorted(JOBS.glob("*.json")), ids=lambda path: path.stem)
def test_every_example_is_a_job_and_resolves_to_itself(path):
    resolved = job(path.stem)
    again = resolve(resolved.document, lambda source: source.facts(), Limits())
    assert again.document == resolved.document
    assert list(runs_of(again)) == list(runs_of(resolved))


def test_the_demo_is_27_settings_in_five_folds_twice():
    demo = job("compare")
    assert [len(arm.settings) for arm in demo.arms] == [1, 8, 8, 6, 4]
    assert len(list(runs_of(demo))) == 270


@pytest.mark.parametrize(
    ("name", "loss"), [("image_classifier", "cross_entropy"), ("image_classifier_mse", "mse")]
)
def test_the_image_classifier_compares_l1_and_l2_with_and_without_batch_norm(name, loss):
    resolved = job(name)
    assert resolved.facts.shape == (1, 28, 28)
    by_name = {arm.name: arm for arm in resolved.arms}
    assert [arm.experiment.architecture.batch_norm for arm in by_name.values()] == [
        False,
        True,
        False,
        True,
    ]
    for arm in by_name.values():
        experiment = arm.experiment
        assert experiment.loss.kind == loss
        assert experiment.architecture.hidden == (64,)
        assert (experiment.optimizer.lr, experiment.optimizer.momentum) == (0.001, 0.9)
        expected = {"l1": [0.005, 0.01, 0.02, 0.05], "l2": [0.002, 0.008, 0.016, 0.032]}
        assert grid(arm) == expected[experiment.regularizers[0].kind]


def test_the_layer_with_elastic_net_alone_is_penalised():
    (arm,) = job("layer_elastic_net").arms
    _, dense, dropout, last = arm.experiment.architecture.layers
    assert [(r.kind, r.lam) for r in dense.regularizers] == [("l1", 0.01), ("l2", 0.01)]
    assert (dense.units, dropout.p, last.units, last.activation) == (64, 0.5, 10, "softmax")
    assert last.regularizers == arm.experiment.regularizers == ()


def test_the_objective_is_minimised_by_sgd_gradient_descent_adam_and_rmsprop():
    resolved = job("objective")
    first = resolved.arms[0].experiment
    assert resolved.facts.shape == (10,)
    assert (first.architecture.hidden, first.epochs) == ((5,), 100)
    assert (first.optimizer.kind, first.optimizer.lr) == ("sgd", 0.01)
    kinds = {(a.experiment.optimizer.kind, a.experiment.batch_size) for a in resolved.arms}
    assert kinds == {("sgd", 32), ("sgd", "full"), ("adam", 32), ("rmsprop", 32)}


def test_linear_models_descend_the_whole_gradient():
    for arm in job("linear").arms:
        assert arm.experiment.architecture.kind == "linear"
        assert arm.experiment.batch_size == "full"


def test_twenty_features_and_ten_classes():
    resolved = job("twenty_features")
    (arm,) = resolved.arms
    assert (resolved.facts.shape, len(resolved.facts.classes)) == ((20,), 10)
    assert (arm.experiment.batch_size, arm.experiment.epochs) == (32, 10)
    assert arm.experiment.regularizers[0].lam == 0.01


@pytest.mark.parametrize(
    ("name", "trials"), [("choose_lambda_grid", 9), ("choose_lambda_random", 20)]
)
def test_lambda_is_chosen_over_five_folds(name, trials):
    resolved = job(name)
    assert resolved.spec.folds == 5
    assert len(list(runs_of(resolved))) == 5 * trials
