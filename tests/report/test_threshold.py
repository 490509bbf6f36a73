"""The chosen threshold of a real job, computed again from what is served beside its report."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, f1_score

from core.datasets import Dataset, Protocol, Replicate, parts_of
from core.datasets.classification import Classification
from core.network.predict import predictions
from core.report.build import build_report
from core.report.page import to_html
from core.report.render import to_csv, to_markdown
from core.report.report import Report
from core.report.row_table import row_table
from tests.report.engine import TrainedJob
from tests.report.rederived import Table, wilson

BODY: dict[str, Any] = {
    "dataset": "iris",  # any: the data is given
    "architecture": "linear",
    "loss": "cross_entropy",
    "optimizer": {"kind": "adam", "lr": 0.02},
    "epochs": 12,
    "folds": 4,
    "repeats": 2,
    "select": {"metric": "val_balanced_accuracy"},
    "compare": [
        {"name": "plain"},
        {"name": "balanced", "loss": {"kind": "cross_entropy", "class_weights": "balanced"}},
    ],
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """One row in ten is of the second class, and the classes overlap."""
    plain = Classification(examples=600, features=4, informative=2).load()
    rng = np.random.default_rng(0)
    targets = (rng.random(600) < 0.1).astype(np.int64)
    features = rng.normal(size=(600, 4)) + 1.2 * targets[:, None] * np.array([1, 1, 0, 0])
    facts = replace(plain.facts, class_counts=tuple(np.bincount(targets).tolist()))
    return Dataset.of_numbers(facts, features.astype(np.float32), targets)


@pytest.fixture(scope="module")
def job(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedJob:
    return TrainedJob(BODY, dataset, tmp_path_factory.mktemp("rows"))


@pytest.fixture(scope="module")
def report(job: TrainedJob) -> Report:
    return build_report([job.job], job.runs, job.rows_of)


def score(kind: str, target: np.ndarray, said: np.ndarray) -> float:
    if kind == "f1":
        return float(f1_score(target, said, average="macro"))
    return float(balanced_accuracy_score(target, said))


def test_each_runs_threshold_is_the_best_on_its_validation_rows(job: TrainedJob) -> None:
    by_id = {run.id: run for run in job.runs}
    places = {run.id: Replicate(run.seed, run.repeat, run.fold, run.inner_fold) for run in job.runs}
    parts = parts_of(job.dataset, Protocol.of(job.job.document), places.values())
    for run, one in zip(by_id, job.asked(list(by_id)), strict=True):
        rows = parts[places[run]].validation
        experiment = one.experiment
        _, p = predictions(
            experiment.architecture, experiment.loss, job.dataset.facts, one.weights(),
            {"x": job.dataset.features[rows]},
        )  # fmt: skip
        assert p is not None
        target, second = job.dataset.targets[rows], p[:, 1].astype(np.float64)
        edges = np.unique([0.0, *second, 1.0])
        best = max(
            score("balanced_accuracy", target, second > t)
            for t in [0.5, *((edges[1:] + edges[:-1]) / 2)]
        )
        threshold = by_id[run].final["threshold"]
        assert threshold is not None
        assert score("balanced_accuracy", target, second > threshold) == pytest.approx(best)


@pytest.mark.parametrize("kind", ["balanced_accuracy", "f1"])
def test_the_report_can_be_computed_again_from_its_rows(
    job: TrainedJob, dataset: Dataset, tmp_path: Path, kind: str
) -> None:
    if kind == "f1":  # no threshold decides the area under a curve
        job = TrainedJob({**BODY, "select": {"metric": "val_roc_auc"}}, dataset, tmp_path)
    report = build_report([job.job], job.runs, job.rows_of)
    table = row_table([job.job], job.runs, job.rows_of)
    lines = defaultdict(list)
    for line in csv.DictReader(io.StringIO("".join(table.csv()))):
        lines[line["arm"], line["run"]].append((int(line["target"]), float(line["probability_1"])))
    thresholds = {run.id: run.final["threshold"] for run in job.runs}
    for arm in report.arms:
        mine = {run: np.array(found) for (name, run), found in lines.items() if name == arm.name}
        told = arm.threshold
        assert told is not None
        assert (told.metric, told.n) == (kind, 600)
        chosen = [thresholds[run] for run in mine]
        assert (told.median, told.low, told.high) == (
            np.median(chosen), min(chosen), max(chosen),
        )  # fmt: skip
        weight = [len(found) for found in mine.values()]
        half, best = (
            np.average(
                [
                    score(kind, found[:, 0], found[:, 1] > (0.5 if plain else thresholds[run]))
                    for run, found in mine.items()
                ],
                weights=weight,
            )
            for plain in (True, False)
        )
        assert told.at_half.mean == pytest.approx(half, abs=1e-6)
        assert told.at_chosen.mean == pytest.approx(best, abs=1e-6)
        assert told.difference == pytest.approx(best - half, abs=1e-6)


def test_the_interval_of_the_difference_is_that_of_any_pair(
    dataset: Dataset, tmp_path: Path
) -> None:
    """By the statistics that tests write again: of one arm alone, a family of one difference."""
    body = {**BODY, "select": {"metric": "val_accuracy"}, "compare": BODY["compare"][1:]}
    job = TrainedJob(body, dataset, tmp_path)
    (arm,) = build_report([job.job], job.runs, job.rows_of).arms
    told = arm.threshold
    assert told is not None
    assert told.metric == "accuracy"
    thresholds = {run.id: run.final["threshold"] for run in job.runs}
    lines = []
    for line in csv.DictReader(
        io.StringIO("".join(row_table([job.job], job.runs, job.rows_of).csv()))
    ):
        second, target = float(line["probability_1"]), int(line["target"])
        for name, threshold in (("half", 0.5), ("chosen", thresholds[line["run"]])):
            right = int(second > threshold) == target
            lines.append({**line, "arm": name, "right": str(float(right))})
    table = Table(lines, "right")
    found = table.spread(table.difference("chosen", "half"))
    half = found.reach()
    assert told.difference == pytest.approx(found.mean, abs=1e-9)
    assert told.ci95 == pytest.approx((found.mean - half, found.mean + half), rel=1e-5)
    assert told.p_adjusted == pytest.approx(found.tail(abs(found.mean)), rel=1e-4)
    for level, name in ((told.at_half, "half"), (told.at_chosen, "chosen")):
        assert level.ci95 == pytest.approx(wilson(table.spread(table.score[name])), rel=1e-5)


def test_where_one_class_is_rare_the_chosen_threshold_is_decidedly_better(report: Report) -> None:
    plain, balanced = (arm.threshold for arm in report.arms)
    assert plain is not None
    assert balanced is not None
    assert plain.positive == "1"
    assert plain.median < 0.25
    assert plain.verdict == "better"
    assert plain.ci95 is not None
    assert 0.05 < plain.ci95[0] < plain.difference < plain.ci95[1]
    assert plain.p_adjusted is not None
    assert plain.p_adjusted < 0.05
    assert 0.3 < balanced.median < 0.7  # its loss has moved the half to where it belongs
    assert balanced.verdict != "better"


def test_nothing_is_claimed_of_a_threshold_while_runs_are_training(
    job: TrainedJob, report: Report
) -> None:
    running = replace(job.job, status="running")
    plain, done = build_report([running], job.runs, job.rows_of).arms[0].threshold, report.arms[0]
    assert plain is not None
    assert done.threshold is not None
    assert plain.difference == done.threshold.difference
    assert (plain.ci95, plain.p_adjusted, plain.verdict) == (None, None, "undecided")
    assert plain.sentence.endswith(" points so far.")


def test_it_is_said_in_words_and_in_tables(report: Report) -> None:
    plain = report.arms[0].threshold
    assert plain is not None
    assert plain.sentence.startswith("A row is 1 above a probability of 0.")
    assert plain.sentence.endswith("which is proven better.")
    best = next(arm for arm in report.arms if arm.name == report.best_arm)
    assert best.threshold is not None
    said = [fact for fact in report.details if "above a probability of" in fact]
    assert said == [f"{best.name}: a{best.threshold.sentence[1:]}"]
    markdown, page = to_markdown(report), to_html(report, {})
    assert "## Thresholds" in markdown
    assert "| better |" in markdown
    assert '<h2 id="thresholds">' in page
    assert "their intervals hold for all arms at once" in page
    assert "threshold" in to_csv(report)


def test_runs_of_more_classes_or_without_probabilities_have_none(
    dataset: Dataset, tmp_path: Path
) -> None:
    mse = TrainedJob({**BODY, "loss": "mse", "compare": [{"name": "a"}]}, dataset, tmp_path)
    assert all("threshold" not in run.final for run in mse.runs)
    found = build_report([mse.job], mse.runs, mse.rows_of)
    assert found.arms[0].threshold is None
    assert '<h2 id="thresholds">' not in to_html(found, {})


def test_runs_that_were_stored_without_a_threshold_have_none(job: TrainedJob) -> None:
    older = [
        replace(run, final={k: v for k, v in run.final.items() if k != "threshold"})
        for run in job.runs
    ]
    found = build_report([job.job], older, job.rows_of)
    assert [arm.threshold for arm in found.arms] == [None, None]
    assert found.arms[0].scores == build_report([job.job], job.runs, job.rows_of).arms[0].scores
