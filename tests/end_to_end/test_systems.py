"""The systems that Occam was asked for, as the examples under examples/jobs, each to its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load

import occam
from core.datasets import Protocol, Replicate, parts_of
from core.datasets.builtin import Builtin
from tests.end_to_end.conftest import CLUSTER, EMBEDDED
from tests.end_to_end.deployment import ROOT, Deployment
from tests.waiting import PATIENCE_S

EXAMPLES = {path.stem: json.loads(path.read_text()) for path in (ROOT / "examples/jobs").iterdir()}
# In the order in which they are awaited.
NAMES = (
    "quickstart",
    "linear",
    "layer_elastic_net",
    "objective",
    "twenty_features",
    "dropout",
    "choose_lambda_grid",
    "choose_lambda_random",
    "image_classifier",
    "image_classifier_mse",
)
SMALLER = {
    "image_classifier": {"folds": 1, "seeds": 1},
    "image_classifier_mse": {"folds": 1, "seeds": 1, "epochs": 12},
}
# How jobs come to workers and back differs in a cluster, what is trained does not: there a plain
# job, one of several cohorts, and one of a search over folds.
IN_CLUSTER = ("quickstart", "objective", "choose_lambda_random")
embedded_alone = pytest.mark.parametrize("service", [EMBEDDED], indirect=True)
Trained = Callable[[str], occam.Job]


@pytest.fixture(scope="module")
def trained(service: Deployment) -> Trained:
    """The finished job of an example. All are posted at once, so that testing overlaps training."""
    names = NAMES if service.served else IN_CLUSTER
    posted = {name: service.client.submit(_body(name)) for name in names}
    done: dict[str, occam.Job] = {}

    def wait(name: str) -> occam.Job:
        if name not in done:
            done[name] = service.client.wait(posted[name], check=True, timeout_s=PATIENCE_S)
        return done[name]

    return wait


def _body(name: str) -> dict[str, Any]:
    """The example itself; smaller where nothing else would be learnt."""
    return {**EXAMPLES[name], **SMALLER.get(name, {})}


def runs_of(service, job, arm=None):
    return [run for run in service.client.runs(job) if arm in (None, run.arm)]


def at(runs, **knobs):
    """The runs whose varied values end in these names and numbers."""
    return [
        run
        for run in runs
        if all(
            any(
                path.endswith(f"/{name}") and value == number for path, value in run.setting.items()
            )
            for name, number in knobs.items()
        )
    ]


def mean(runs, metric):
    return float(np.mean([run.final[metric] for run in runs]))


def weights_of(service, run, which="last"):
    """Weights by name, without biases and without what standardised the data."""
    tensors = load(service.client.weights(run, which=which))
    return {k: v.astype(np.float64) for k, v in tensors.items() if k.endswith("/weight")}


def digits(size=None):
    """The images and labels that the service trains on, in its order."""
    dataset = Builtin(name="digits", image_size=size).load()
    return dataset.features, dataset.targets


@pytest.mark.parametrize(
    ("service", "name"),
    [
        *(pytest.param("embedded", name) for name in NAMES),
        *(pytest.param("cluster", name, marks=CLUSTER.marks) for name in IN_CLUSTER),
    ],
    indirect=["service"],
)
def test_every_system_ends_with_metrics_weights_and_a_report(service, trained, name):
    client, job = service.client, trained(name)
    runs = runs_of(service, job)
    first = runs[0]

    assert job.progress.runs_done == job.progress.runs_total == len(runs)
    assert {run.status for run in runs} == {"succeeded"}
    assert all(run.final and run.metrics for run in runs)
    points = list(client.metrics(job, run=first, name="train_loss"))
    every = job.spec["evaluate_every"]
    assert [p.epoch for p in points] == list(range(every, job.spec["epochs"] + 1, every))
    assert points[-1].value < points[0].value or points[-1].value < 0.5
    assert {which: len(weights_of(service, first, which)) > 0 for which in ("best", "last")} == {
        "best": True,
        "last": True,
    }
    report = client.report(job)
    assert not report.partial
    assert [arm.name for arm in report.arms] == [arm["name"] for arm in arms_of(job)]
    assert all(arm.chosen["min"] is not None for arm in report.arms)
    assert report.verdict.endswith(".")
    assert report.headline in client.report(job, "md")
    page = client.report(job, "html")
    assert page.lower().startswith("<!doctype html>")
    assert "<svg" in page
    assert "http-equiv" not in page or "refresh" not in page
    assert len(client.report(job, "csv").splitlines()) > len(report.arms)
    figure = report.figures[0]["name"]
    assert client.figure(job, figure, "svg").startswith(b"<svg")
    assert client.figure(job, figure, "png").startswith(b"\x89PNG")


def arms_of(job):
    return job.spec["compare"] or [{"name": "base"}]


@embedded_alone
def test_a_setting_with_enough_capacity_reads_digits(service, trained):
    """Systems A and H: at least 94 % of unseen digits."""
    assert mean(runs_of(service, trained("quickstart")), "test_accuracy") >= 0.94
    report = service.client.report(trained("image_classifier"))
    best = max(arm.chosen["min"].scores["test_accuracy"].mean for arm in report.arms)
    assert best >= 0.94


@embedded_alone
def test_a_stronger_l1_has_more_exact_zeros_and_reads_worse(service, trained):
    """System A, the grid of L1."""
    runs = runs_of(service, trained("image_classifier"), "l1")
    weak, strong = (at(runs, **{"lambda": value}) for value in (0.005, 0.05))

    assert mean(strong, "zeros") > mean(weak, "zeros") + 0.1
    assert mean(strong, "test_accuracy") < mean(weak, "test_accuracy")
    for run in (weak[0], strong[0]):
        weights = np.concatenate([w.ravel() for w in weights_of(service, run).values()])
        assert (weights == 0).mean() == pytest.approx(run.final["zeros"], abs=1e-6)
    smooth = runs_of(service, trained("image_classifier"), "l2")
    assert mean(smooth, "zeros") < 0.001


@embedded_alone
def test_batch_normalisation_is_a_layer_of_its_arms_only(service, trained):
    """System A, batch normalisation on and off."""
    job = trained("image_classifier")
    plain, normed = (
        load(service.client.weights(runs_of(service, job, arm)[0]))
        for arm in ("l2", "l2, batch norm")
    )

    assert not [name for name in plain if name.startswith("batch_norm")]
    assert [name for name in normed if name.startswith("batch_norm")]
    reached = {
        arm.name: arm.chosen["min"].scores["test_accuracy"].mean
        for arm in service.client.report(job).arms
    }
    assert reached["l2, batch norm"] > 0.9


@embedded_alone
def test_squared_error_is_an_alternative_to_cross_entropy(service, trained):
    """System A, on squared error."""
    job = trained("image_classifier_mse")
    report = service.client.report(job)

    assert job.spec["loss"]["kind"] == "mse"
    assert max(arm.chosen["min"].scores["test_accuracy"].mean for arm in report.arms) > 0.8


def test_an_upload_of_28x28_images_is_classified_like_the_built_in(service, tmp_path):
    """System A on a file of one's own."""
    x, y = digits(28)
    np.savez_compressed(tmp_path / "digits28.npz", x=x[:, 0], y=y)
    dataset = service.client.datasets.upload(tmp_path / "digits28.npz")
    body = {
        **EXAMPLES["image_classifier"],
        "dataset": dataset.id,
        "optimizer": {"kind": "sgd", "lr": 0.05, "momentum": 0.9},
        "compare": [{"name": "l2", "regularizer": "l2", "lambda": 0.002}],
        "seeds": 1,
        "epochs": 10,
    }
    job = service.client.wait(service.client.submit(body), check=True, timeout_s=PATIENCE_S)

    assert dataset.image == {"height": 28, "width": 28, "channels": 1}
    assert len(dataset.classes) == 10
    assert mean(runs_of(service, job), "test_accuracy") >= 0.94


@embedded_alone
def test_the_penalty_of_one_layer_sees_that_layers_kernel_only(service, trained):
    """System B: elastic net on the first kernel, dropout behind it, softmax at the end."""
    job = trained("layer_elastic_net")
    run = runs_of(service, job)[0]
    kernel = weights_of(service, run)["dense_1/weight"]

    assert {name for name in run.final if name.startswith("term/")} == {
        "term/l1@dense_1",
        "term/l2@dense_1",
    }
    last = {name: run.metrics[name]["last"] for name in ("term/l1@dense_1", "term/l2@dense_1")}
    assert last["term/l1@dense_1"] == pytest.approx(0.01 * np.abs(kernel).sum(), rel=1e-5)
    assert last["term/l2@dense_1"] == pytest.approx(0.01 * (kernel**2).sum() / 2, rel=1e-5)
    assert (kernel == 0).mean() > 0.3, "L1 by its proximal step gives exact zeros"
    assert (weights_of(service, run)["dense_3/weight"] != 0).all()
    assert mean(runs_of(service, job), "test_accuracy") > 0.88


def test_the_objective_is_its_loss_plus_its_penalties_under_every_optimizer(service, trained):
    """System C: J = L + lambda R, R1 = sum |w|, R2 = 1/2 sum w^2."""
    job = trained("objective")
    optimizers = {"sgd": 0, "adam": 0, "rmsprop": 0}
    for arm in job.spec["compare"]:
        optimizers[arm.get("optimizer", job.spec["optimizer"])["kind"]] += 1
        for run in runs_of(service, job, arm["name"]):
            last = {"term/l1": 0.0, "term/l2": 0.0}  # a cohort without a penalty has no such term
            last |= {name: value["last"] for name, value in run.metrics.items()}
            w = np.concatenate([v.ravel() for v in weights_of(service, run).values()])
            l1, l2 = np.abs(w).sum(), (w**2).sum() / 2
            penalised = arm["name"].startswith("l")
            assert last["term/l1"] == pytest.approx(0.01 * l1 * (arm["name"] == "l1"), rel=1e-5)
            smooth = penalised and arm["name"] != "l1"
            assert last["term/l2"] == pytest.approx(0.01 * l2 * smooth, rel=1e-5)
            parts = last["train_loss"] + last["term/l1"] + last["term/l2"]
            assert last["objective"] == pytest.approx(parts, rel=1e-5)
            first, *_, end = service.client.metrics(job, run=run, name="objective")
            assert end.value < first.value
    assert all(optimizers.values())


@embedded_alone
def test_a_penalty_is_lambda_times_the_norm_of_the_weights_that_are_served(service, trained):
    """System D, and its worked number: (1, -2, 3, -4), strength 0.1 on sum w^2, is 3.0."""
    job = trained("linear")
    norms = {"l1": lambda w: np.abs(w).sum(), "l2": lambda w: (w**2).sum() / 2}
    terms = {
        "l1 by its sign": ("term/l1:subgradient", "l1"),
        "l1": ("term/l1", "l1"),
        "l2": ("term/l2", "l2"),
    }
    for arm, (term, norm) in terms.items():
        for run in runs_of(service, job, arm):
            (w,) = weights_of(service, run).values()
            (strength,) = run.setting.values()
            expected = strength * norms[norm](w)
            assert run.metrics[term]["last"] == pytest.approx(expected, rel=1e-5, abs=1e-9)
    worked = np.array([1.0, -2.0, 3.0, -4.0])
    convention = service.client.catalog("regularizer", "l2")["convention"]
    assert "strength s in the convention without 1/2 is lambda = 2 s" in convention
    assert 2 * 0.1 * norms["l2"](worked) == pytest.approx(3.0)


@embedded_alone
def test_l1_by_its_sign_gives_no_exact_zeros_and_by_its_proximal_step_it_does(service, trained):
    """System D: what practice says against the source documents."""
    job = trained("linear")
    by_sign, by_step = (
        at(runs_of(service, job, arm), **{"lambda": 0.1}) for arm in ("l1 by its sign", "l1")
    )

    assert mean(by_sign, "zeros") == 0
    assert mean(by_step, "zeros") >= 0.2
    nothing = at(runs_of(service, job, "l1"), **{"lambda": 1.0})
    assert mean(nothing, "zeros") >= 0.7


@embedded_alone
def test_the_running_loss_is_told_every_epoch(service, trained):
    """System E: 20 features, 10 classes, minibatches of 32, 10 epochs."""
    job = trained("twenty_features")
    run = runs_of(service, job)[0]

    loss = [(p.epoch, p.value) for p in service.client.metrics(job, run=run, name="train_loss")]
    assert [epoch for epoch, _ in loss] == list(range(1, 11))
    assert loss[-1][1] < loss[0][1] < 2.5  # below log(10) of a guess, and falling
    told = [e.data["epoch"] for e in service.client.stream(job) if e.type == "metrics"]
    assert told == list(range(1, 11))
    assert job.spec["batch_size"] == 32
    assert mean(runs_of(service, job), "test_accuracy") > 0.4


@embedded_alone
def test_dropout_is_the_identity_when_it_is_not_training(service, trained):
    """System H: predictions are repeatable, and are those of the reported test accuracy."""
    job = trained("dropout")
    run = runs_of(service, job, "dropout")[0]
    x, y = digits()
    dataset, replicate = Builtin(name="digits").load(), Replicate(run.seed)
    test = parts_of(dataset, Protocol.of(job.spec), [replicate])[replicate].test
    body = {"inputs": x[test].tolist(), "which": "last"}
    path = f"/v1/runs/{run.id}/predict"
    once, again = (service.http.post(path, json=body).json() for _ in range(2))

    assert once == again
    assert job.spec["compare"][1]["regularizers"][0]["p"] == 0.5
    right = np.array([int(label) for label in once["labels"]]) == y[test]
    assert right.mean() == pytest.approx(run.final["test_accuracy"], abs=1e-6)
    by_p = {
        p: mean(at(runs_of(service, job, "dropout, tuned"), p=p), "train_loss") for p in (0.1, 0.7)
    }
    assert by_p[0.1] < by_p[0.7], "more dropout fits the training part less"


@embedded_alone
@pytest.mark.parametrize("name", ["choose_lambda_grid", "choose_lambda_random"])
def test_lambda_is_chosen_over_five_folds(service, trained, name):
    """System I: best parameters and best score, recomputed here from the runs."""
    job = trained(name)
    (arm,) = service.client.report(job).arms
    chosen = arm.chosen["min"]
    metric, better = job.spec["select"]["metric"], np.argmin
    if metric == "val_accuracy":
        better = np.argmax
    by_setting: dict[str, list[occam.Run]] = {}
    for run in runs_of(service, job):
        by_setting.setdefault(json.dumps(run.setting, sort_keys=True), []).append(run)

    assert all({run.fold for run in runs} == set(range(5)) for runs in by_setting.values())
    scores = {key: mean(runs, metric) for key, runs in by_setting.items()}
    best = list(scores.values())[better(list(scores.values()))]
    assert len(by_setting) == len(arm.settings) == (9 if "grid" in name else 20)
    assert chosen.scores[metric].mean == pytest.approx(best, rel=1e-6)
    assert scores[json.dumps(chosen.setting, sort_keys=True)] == pytest.approx(best, rel=1e-6)
    assert chosen.scores[metric].n == 5
    assert "/regularizers/0/lambda" in chosen.setting
    simplest = arm.chosen["1se"].setting["/regularizers/0/lambda"]
    if "grid" in name:
        assert simplest >= chosen.setting["/regularizers/0/lambda"], "stronger L2 is simpler"
    assert chosen.scores["test_accuracy"].mean > 0.93
