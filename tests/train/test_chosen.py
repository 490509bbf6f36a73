"""Whatever metric a job chooses or stops by is measured at every logged epoch."""

from __future__ import annotations

import math

import pytest

from core.datasets import Dataset
from core.datasets.classification import Classification
from core.metrics import Metric
from core.train import Ended, Epoch
from tests.train.conftest import cohort, experiment, finished, run_of, trained

LINEAR = {"architecture": "linear", "loss": "mse", "optimizer": {"kind": "sgd", "lr": 0.05}}


@pytest.mark.parametrize("kind", Metric.members())
def test_any_metric_may_choose_the_best_epoch(kind, digits, diabetes) -> None:
    member = Metric.members()[kind]
    digit = "classification" in member.tasks
    data, arm = (digits, {}) if digit else (diabetes, LINEAR)
    made = cohort([run_of(experiment(**arm), seed) for seed in (0, 1)], metric=f"val_{kind}")
    events = trained(made, data)
    logged = [e.metrics[f"val_{kind}"] for e in events if isinstance(e, Epoch)]
    assert len(logged) == 4
    best = max if member.direction == "max" else min
    for row, epoch in enumerate(finished(events).best_epoch):
        values = [values[row] for values in logged]
        assert all(math.isfinite(value) for value in values)
        assert values[epoch - 1] == best(values)
        # the last epoch's weights are those that are scored at the end
        final = finished(events).final[f"val_{kind}"][row]
        assert final == pytest.approx(values[-1], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    "kind", [k for k, m in Metric.members().items() if "classification" in m.tasks]
)
def test_any_metric_may_stop_a_run(kind, digits) -> None:
    stop = {"kind": "early_stopping", "patience": 1, "min_delta": 10.0, "metric": f"val_{kind}"}
    arm = experiment(epochs=9, regularizers=[stop])
    events = trained(cohort([run_of(arm, 0)]), digits)
    assert [(e.epoch, e.reason) for e in events if isinstance(e, Ended)] == [(2, "early_stopped")]


def test_what_nobody_asked_for_is_not_measured_at_every_epoch(digits) -> None:
    events = trained(cohort([run_of(experiment(), 0)]), digits)
    logged = next(e for e in events if isinstance(e, Epoch)).metrics
    assert "val_accuracy" in logged
    assert not {"val_brier", "val_roc_auc", "train_brier"} & logged.keys()
    final = finished(events).final
    assert {"test_brier", "test_ece", "test_f1", "test_log_loss"} <= final.keys()
    assert not {"test_roc_auc", "test_average_precision"} & final.keys(), "ten sorts of all rows"


def test_of_two_classes_the_areas_are_told_unasked() -> None:
    data: Dataset = Classification(examples=300, features=6, informative=3, classes=2).load()
    final = finished(trained(cohort([run_of(experiment(loss="bce"), 0)]), data)).final
    assert 0.5 < final["test_roc_auc"][0] <= 1
    assert 0.5 < final["test_average_precision"][0] <= 1
