"""Permutation importance of models that the real engine trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import false_discovery_control
from sklearn.inspection import permutation_importance

from core.datasets import Dataset, load_source
from core.datasets.builtin import Builtin
from core.datasets.classification import Classification
from core.network.predict import Trained, predictions
from core.report import importance
from core.report.importance import Asked, Importance, importances_of
from core.report.permuted import PERMUTATIONS, permutations_of, projected, scorer
from tests.report.engine import TrainedJob

BODY: dict[str, Any] = {
    "dataset": "iris",  # any: the data is given
    "architecture": {"kind": "mlp", "hidden": [8]},
    "loss": "cross_entropy",
    "optimizer": {"kind": "adam", "lr": 0.02},
    "epochs": 10,
    "folds": 4,
    "repeats": 2,
    "regularizers": [{"kind": "l2", "lambda": 0.001}],
}
REGRESSION = {**BODY, "architecture": "linear", "loss": "mse", "epochs": 30}


def no_uploads(dataset: str) -> Path:
    raise AssertionError(dataset)


def builtin(name: str) -> Dataset:
    return load_source(Builtin(name=name), no_uploads)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Two classes: x0 to x2 tell them, x3 to x5 tell nothing."""
    plain = Classification(examples=400, features=6, informative=3, noise=0.05).load()
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(400, 6)).astype(np.float32)
    targets = (2 * signal[:, 0] + signal[:, 1] + 0.5 * signal[:, 2] > 0.3).astype(np.int64)
    return Dataset.of_numbers(plain.facts, signal, targets)


@pytest.fixture(scope="module")
def job(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedJob:
    return TrainedJob(BODY, dataset, tmp_path_factory.mktemp("rows"))


def asked(job: TrainedJob) -> list[Asked]:
    return job.asked([run.id for run in job.runs])


def told(job: TrainedJob, metric: str) -> Importance:
    return importances_of({"arm": asked(job)}, job.dataset, metric).by_arm["arm"]


def one_fold(one: Asked) -> np.ndarray:
    return one.scores.index_SN[one.scores.stream_R[one.place]]


def said(one: Asked, dataset: Dataset, inputs: np.ndarray) -> np.ndarray:
    """(N, C) probabilities, or (N, 1) predictions in the unit in which targets are trained."""
    experiment = one.experiment
    output, p = predictions(
        experiment.architecture, experiment.loss, dataset.facts, one.weights(), {"x": inputs}
    )
    if p is not None:
        return p
    scale = one.weights()
    return (output - scale["standardize/target_mean"]) / scale["standardize/target_deviation"]


def test_a_feature_that_the_labels_do_not_depend_on_costs_nothing(job: TrainedJob) -> None:
    found = told(job, "test_accuracy")
    assert found.regions.names == ("x0", "x1", "x2", "x3", "x4", "x5")
    assert found.order[:2] == [0, 1]
    assert found.stands_out(0)
    assert found.low_F[0] > 0.15
    for noise in (3, 4, 5):
        assert found.low_F[noise] < 0 < found.high_F[noise]
        assert not found.stands_out(noise)
    assert (found.rows, found.runs, found.metric) == (400, 8, "test_accuracy")


@pytest.mark.parametrize("metric", ["accuracy", "loss", "log_loss", "roc_auc", "f1"])
def test_the_importance_is_the_mean_loss_over_parts_by_their_rows(
    job: TrainedJob, metric: str
) -> None:
    """By hand, one part after the other, with the metric itself on each permuted part."""
    from sklearn import metrics

    def score(target: np.ndarray, p: np.ndarray) -> float:
        if metric == "accuracy":
            return float((p.argmax(1) == target).mean())
        if metric == "roc_auc":
            return float(metrics.roc_auc_score(target, p[:, 1]))
        if metric == "f1":
            return float(metrics.f1_score(target, p.argmax(1), average="macro"))
        return float(np.log(p[np.arange(len(p)), target]).mean())

    found = told(job, f"test_{metric}")
    losses = []
    for one in asked(job):
        index = one_fold(one)
        x, y = job.dataset.features[index], job.dataset.targets[index]
        base = score(y, said(one, job.dataset, x))
        lost = []
        for feature in range(6):
            after = []
            for perm in permutations_of(index):
                mixed = x.copy()
                mixed[:, feature] = x[perm, feature]
                after.append(score(y, said(one, job.dataset, mixed)))
            lost.append(base - np.mean(after))
        losses.append(np.array(lost) * len(index))
    # 400 rows, each tested in both repeats
    assert found.loss_F == pytest.approx(np.sum(losses, 0) / 800, abs=2e-6)


class Estimator:
    """One run as scikit-learn sees a fitted model."""

    def __init__(self, one: Asked, dataset: Dataset) -> None:
        self.one, self.dataset = one, dataset

    def fit(self, x: np.ndarray, y: np.ndarray) -> Estimator:
        return self

    def score(self, x: np.ndarray, y: np.ndarray) -> float:
        found = said(self.one, self.dataset, x.astype(np.float32))
        if self.dataset.facts.classes:
            return float((found.argmax(1) == y).mean())
        return -float(((found - y) ** 2).mean())


@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_one_fold_agrees_with_scikit_learn(job: TrainedJob, tmp_path: Path, kind: str) -> None:
    if kind == "regression":
        job = TrainedJob(REGRESSION, builtin("diabetes"), tmp_path)
    one = asked(job)[0]
    index = one_fold(one)
    metric = "test_accuracy" if kind == "classification" else "test_mse"
    found = importances_of({"arm": [one]}, job.dataset, metric).by_arm["arm"]
    y = one.scores.target_SN[one.scores.stream_R[one.place]]
    theirs = permutation_importance(
        Estimator(one, job.dataset), job.dataset.features[index], y, n_repeats=200, random_state=0
    )
    error = theirs.importances_std * np.sqrt(1 / PERMUTATIONS + 1 / 200)
    assert (np.abs(found.loss_F - theirs.importances_mean) < 4 * error + 1e-6).all()
    assert theirs.importances_mean.max() > 5 * error.max()


@pytest.mark.parametrize("architecture", ["linear", "cnn"])
def test_an_image_is_told_by_its_patches(tmp_path: Path, architecture: str) -> None:
    body = {**BODY, "architecture": architecture, "epochs": 3, "folds": 3, "repeats": 1}
    job = TrainedJob(body, builtin("digits"), tmp_path)
    found = told(job, "test_accuracy")
    side = {"linear": 1, "cnn": 2}[architecture]  # as much as there is time for
    assert (found.regions.side, found.regions.grid) == (side, (8 // side, 8 // side))
    assert len(found.loss_F) == len(found.regions.names) == (8 // side) ** 2
    assert sorted(np.concatenate(found.regions.members).tolist()) == list(range(64))
    grid = found.loss_F.reshape(found.regions.grid)
    assert grid[:, 0].max() < grid.max() / 2  # the margins of a digit are blank


def test_the_error_counts_the_row_that_is_asked_and_the_row_that_gives() -> None:
    """Of a feature that alone decides: what the importance varies by from sample to sample."""
    rng = np.random.default_rng(0)
    means, errors, of_asked = [], [], []
    for _ in range(400):
        x = rng.normal(size=200)
        words = rng.random((PERMUTATIONS, 200))
        perm_KN = np.argsort(words, axis=1)
        loss_KN = (x[perm_KN] - x) ** 2
        row_N = projected(loss_KN, perm_KN)
        assert row_N.mean() == pytest.approx(loss_KN.mean())
        means.append(row_N.mean())
        errors.append(row_N.std() / np.sqrt(200))
        of_asked.append(loss_KN.mean(0).std() / np.sqrt(200))
    assert np.mean(errors) / np.std(means) == pytest.approx(1.05, abs=0.12)
    assert np.mean(of_asked) / np.std(means) < 0.65


def test_what_stands_out_is_adjusted_for_how_many_there_are() -> None:
    p = np.array([0.04, 0.001, 0.03, 0.5, 0.02])
    assert importance._adjusted(p) == pytest.approx(false_discovery_control(p))


def test_the_same_rows_and_weights_tell_the_same(job: TrainedJob) -> None:
    first, again = told(job, "test_accuracy"), told(job, "test_accuracy")
    assert np.array_equal(first.loss_F, again.loss_F)
    assert np.array_equal(first.high_F, again.high_F)


def test_what_no_row_scores_is_told_by_the_loss(job: TrainedJob) -> None:
    found = told(job, "test_ece")
    assert found.metric == "test_loss"
    assert np.array_equal(found.loss_F, told(job, "test_loss").loss_F)
    assert found.loss_F[0] > 0.1


def test_balanced_weights_of_a_loss_are_those_of_its_training_part(
    dataset: Dataset, tmp_path: Path
) -> None:
    loss = {"kind": "cross_entropy", "class_weights": "balanced", "label_smoothing": 0.1}
    rare = np.flatnonzero((dataset.targets == 0) | (np.arange(400) % 4 == 0))
    facts = replace(dataset.facts, examples=len(rare), class_counts=())
    some = Dataset.of_numbers(facts, dataset.features[rare], dataset.targets[rare])
    job = TrainedJob({**BODY, "loss": loss}, some, tmp_path)
    for one in asked(job):
        stored = one.scores.row["loss"][one.place]
        stream = one.scores.stream_R[one.place]
        index, target = one.scores.index_SN[stream], one.scores.target_SN[stream]
        there = index >= 0
        trained = Trained(one.network(facts), one.weights())
        (constants,) = importance._constants([one], some)
        score = scorer("loss", one.experiment.trained_loss, constants, target[there])
        again = score(trained.outputs({"x": some.features[index[there]]}).unsqueeze(0))[0]
        assert again == pytest.approx(stored[there], rel=1e-4, abs=1e-5)


def test_too_much_work_is_told_in_a_sentence(
    job: TrainedJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importance, "WORK_MAX", 1e4)
    found = importances_of({"arm": asked(job)}, job.dataset, "test_accuracy")
    assert found.by_arm == {}
    assert found.without == (
        "arm: it would take too long: 6 features, each permuted 5 times in 8 test parts."
    )


def test_the_first_arm_is_told_though_there_is_no_time_for_all(
    job: TrainedJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = asked(job)
    monkeypatch.setattr(importance, "WORK_MAX", 6 * 150 * importance._work(runs, job.dataset.facts))
    found = importances_of({"a": runs, "b": runs, "c": runs}, job.dataset, "test_accuracy")
    assert list(found.by_arm) == ["a"]
    assert found.without == "b and c: it would take too long."


def test_of_many_rows_some_are_asked(job: TrainedJob, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importance, "ROWS_MAX", 40)
    found = told(job, "test_accuracy")
    assert 40 * 4 <= found.rows <= 40 * 8
    assert found.stands_out(0)


def test_the_interval_covers_what_other_rows_and_trainings_would_show(tmp_path: Path) -> None:
    """Jobs of the same world; what they hold to be true is measured on rows of their own."""
    body = {**BODY, "architecture": "linear", "epochs": 10, "repeats": 1, "folds": 5}
    plain = Classification(examples=5000, features=6, informative=3).load()
    rng = np.random.default_rng(1)
    covered, above, standing = [], [], []
    for number in range(20):
        x = rng.normal(size=(5000, 6)).astype(np.float32)
        luck = rng.normal(size=5000)
        y = (x[:, 0] + 0.5 * x[:, 1] + luck > 0).astype(np.int64)
        small = Dataset.of_numbers(replace(plain.facts, examples=200), x[:200], y[:200])
        folder = tmp_path / str(number)
        folder.mkdir()
        job = TrainedJob(body, small, folder)
        found = told(job, "test_accuracy")
        truth = []
        for one in asked(job):
            right = [(said(one, small, x[200:]).argmax(1) == y[200:]).mean()]
            for feature in range(6):
                mixed = x[200:].copy()
                mixed[:, feature] = rng.permutation(mixed[:, feature])
                right.append((said(one, small, mixed).argmax(1) == y[200:]).mean())
            truth.append(right[0] - np.array(right[1:]))
        true_F = np.mean(truth, 0)
        covered.append((found.low_F <= true_F) & (true_F <= found.high_F))
        above.append(found.low_F > 0)
        standing.append([found.stands_out(f) for f in range(6)])
    assert np.mean(covered) > 0.9
    assert np.mean(np.array(above)[:, 0]) > 0.9
    assert np.mean(np.array(standing)[:, 2:]) < 0.05
