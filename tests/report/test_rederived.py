"""A real job's report, computed again from the rows that are served beside it."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from core.datasets import Dataset
from core.datasets.classification import Classification
from core.report.build import build_report
from core.report.report import Report
from core.report.row_table import row_table
from tests.report.engine import TrainedJob
from tests.report.rederived import Table, simultaneous, wilson

CLOSE = {"rel": 1e-6, "abs": 1e-9}
L2: dict[str, Any] = {"kind": "l2", "lambda": {"log_range": [1e-4, 1.0], "num": 4}}
BODY: dict[str, Any] = {
    "dataset": "iris",  # any: the data is given
    "architecture": {"kind": "mlp", "hidden": [6]},
    "loss": "cross_entropy",
    "optimizer": {"kind": "adam", "lr": 0.02},
    "epochs": 6,
    "folds": 4,
    "repeats": 2,
    "seeds": 2,
    "select": {"metric": "val_accuracy"},
    "compare": [
        {"name": "none"},
        {"name": "l2", "regularizers": [L2]},
        {"name": "twin of l2", "regularizers": [L2]},
        {
            "name": "stopped",
            "regularizers": [{"kind": "early_stopping", "patience": 1}],
        },
        {"name": "hot", "optimizer": {"kind": "sgd", "lr": 1e20}},
    ],
}


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Two classes in groups of three rows that hang together."""
    plain = Classification(examples=150, features=6, informative=3, noise=0.15).load()
    groups = np.arange(150) // 3
    shared = np.random.default_rng(0).normal(size=(50, 6))[groups].astype(np.float32)
    return Dataset.of_numbers(
        replace(plain.facts, groups=50), plain.features + shared, plain.targets, groups=groups
    )


@pytest.fixture(scope="module")
def job(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrainedJob:
    return TrainedJob(BODY, dataset, tmp_path_factory.mktemp("rows"))


def lines_of(job: TrainedJob, **options: Any) -> list[dict[str, str]]:
    found = row_table([job.job], job.runs, job.rows_of, **options)
    return list(csv.DictReader(io.StringIO("".join(found.csv()))))


def report_of(job: TrainedJob, **options: Any) -> Report:
    return build_report([job.job], job.runs, job.rows_of, **options)


def test_the_job_has_what_makes_it_hard(job: TrainedJob) -> None:
    report = report_of(job)
    lines = lines_of(job)
    assert {line["group"] for line in lines} == {str(group) for group in range(50)}
    assert sum(run.stop_reason == "diverged" for run in job.runs if run.arm == "hot") == 16
    assert any(run.stop_reason == "early_stopped" for run in job.runs)
    (twins,) = [p for p in report.pairs if {p.a, p.b} == {"l2", "twin of l2"}] or [None]
    assert twins is None or twins.difference == 0
    assert len(next(arm for arm in report.arms if arm.name == "l2").chosen_counts) > 1


def moving_pairs(table: Table) -> int:
    """Pairs of arms that differ on some row."""
    pairs = combinations(table.arms, 2)
    return sum(bool(np.nanmax(np.abs(table.difference(a, b))) > 0) for a, b in pairs)


@pytest.mark.parametrize(("metric", "column"), [("accuracy", "accuracy"), ("loss", "loss")])
def test_a_report_can_be_computed_again_from_its_rows(
    job: TrainedJob, metric: str, column: str
) -> None:
    report = report_of(job, metric=f"val_{metric}")
    table = Table(lines_of(job, metric=f"val_{metric}"), column)
    assert report.method.source == "rows"
    assert report.rows.tested == len(table.rows) == 150
    for arm in report.arms:
        if arm.name == "hot":
            assert f"test_{metric}" not in arm.scores
            continue
        found = table.spread(table.score[arm.name])
        score = arm.scores[f"test_{metric}"]
        assert score.mean == pytest.approx(found.mean, **CLOSE)
        if metric == "accuracy":
            assert score.ci95 == pytest.approx(wilson(found), **CLOSE)
    largest = table.bar()
    tested = [pair for pair in report.pairs if pair.ci95 and pair.ci95[0] < pair.ci95[1]]
    assert len(tested) >= 3
    for pair in tested:
        found = table.spread(table.difference(pair.a, pair.b))
        assert pair.n == found.n
        assert pair.difference == pytest.approx(found.mean, **CLOSE)
        assert pair.error == pytest.approx(found.se, **CLOSE)
        assert pair.degrees == pytest.approx(found.df, rel=1e-5)
        adjusted, low, high = simultaneous(largest, found, moving_pairs(table))
        assert pair.p_adjusted == pytest.approx(adjusted, **CLOSE)
        assert pair.ci95 == pytest.approx((low, high), **CLOSE)


def test_the_settings_are_those_that_the_folds_own_validation_rows_choose(job: TrainedJob) -> None:
    lines = lines_of(job)
    for repeat, fold in {(line["repeat"], line["fold"]) for line in lines}:
        here = [
            run
            for run in job.runs
            if run.arm == "l2" and (str(run.repeat), str(run.fold)) == (repeat, fold)
        ]
        means: dict[float, list[float]] = {}
        for run in here:
            (lam,) = run.setting.values()
            means.setdefault(lam, []).append(run.final["val_accuracy"])
        best = max(means, key=lambda lam: (round(float(np.mean(means[lam])), 6), lam))
        taken = {
            line["setting"]
            for line in lines
            if (line["arm"], line["repeat"], line["fold"]) == ("l2", repeat, fold)
        }
        assert taken == {f"λ = {best:.4g}".replace("e-0", "e-")}
