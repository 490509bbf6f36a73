"""The threshold that each run's own validation rows choose, in a cohort of many."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.datasets import Dataset, Parts, Protocol, Replicate, parts_of
from core.metrics.threshold import best_threshold, metric_decided
from core.network.predict import predictions
from core.train import Cohort, Snapshot, train
from core.train.trainer import Trainer
from tests.train.conftest import cohort, device, experiment, finished, run_of, trained

FOLDS = 3
ARMS: list[dict[str, Any]] = [
    {},
    {"regularizers": ["l1"]},
    {"regularizers": [{"kind": "early_stopping", "patience": 1, "metric": "val_accuracy"}]},
    {"regularizers": ["dropout"]},
]


@pytest.fixture(scope="module")
def noisy(breast_cancer) -> Dataset:
    """With a fifth of the labels turned, so that no threshold is as good as any."""
    turned = np.random.default_rng(0).random(breast_cancer.facts.examples) < 0.2
    targets = np.where(turned, 1 - breast_cancer.targets, breast_cancer.targets)
    return Dataset.of_numbers(breast_cancer.facts, breast_cancer.features, targets)


@pytest.fixture(autouse=True)
def uneven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold k is validated on (3 - k) / 3 of its rows, as groups may divide them."""
    import core.train.data as data

    monkeypatch.setattr(data, "parts_of", cut)


def cut(*args: Any) -> dict[Replicate, Parts]:
    return {
        at: replace(
            part, validation=part.validation[: len(part.validation) * (3 - (at.fold or 0)) // 3]
        )
        for at, part in parts_of(*args).items()
    }


def interleaved(metric: str = "val_balanced_accuracy", **changes: Any) -> Cohort:
    runs = [run_of(experiment(**changes, **arm), 0, fold) for fold in range(FOLDS) for arm in ARMS]
    return cohort(runs, folds=FOLDS, metric=metric)


@pytest.mark.parametrize("loss", ["cross_entropy", "bce"])
@pytest.mark.parametrize("metric", ["val_balanced_accuracy", "val_accuracy", "val_roc_auc"])
def test_each_runs_threshold_is_of_its_reported_weights_on_its_own_rows(
    noisy, weights, loss, metric
) -> None:
    made = interleaved(metric, loss=loss)
    events = trained(made, noisy)
    stored = weights(events)
    parts = cut(noisy, Protocol(folds=FOLDS), [run.replicate for run in made.runs])
    assert len({len(part.validation) for part in parts.values()}) == FOLDS
    found = finished(events).final["threshold"]
    for row, run in enumerate(made.runs):
        tensors = {
            name.removeprefix("reported/"): value[row]
            for name, value in stored.items()
            if name.startswith("reported/")
        }
        rows = parts[run.replicate].validation
        _, p = predictions(
            run.experiment.architecture, run.experiment.loss, noisy.facts, tensors,
            {"x": noisy.features[rows]},
        )  # fmt: skip
        assert p is not None
        target_1N = torch.from_numpy(noisy.targets[rows])[None]
        own = best_threshold(
            torch.from_numpy(p[None, :, 1]), target_1N, None, metric_decided(metric)
        )
        assert found[row] == pytest.approx(own.item(), abs=1e-4)
    assert len(set(found)) > len(ARMS)


def test_blocks_that_take_turns_choose_the_same(noisy) -> None:
    made = interleaved()
    whole = finished(trained(made, noisy)).final["threshold"]
    turns = Trainer(made, noisy, torch.device(device()), parts=3)
    while not turns.finished:
        turns.run_epoch(lambda: False)
        list(turns.log())
    assert turns.finish(2**30).final["threshold"] == pytest.approx(whole, abs=1e-4)


def test_a_resumed_cohort_chooses_the_same(noisy, tmp_path) -> None:
    made = interleaved()
    whole = trained(made, noisy, snapshot_every_s=0.0)
    path = tmp_path / "state.safetensors"
    for event in train(made, noisy, device=device(), snapshot_every_s=0.0):
        if isinstance(event, Snapshot) and event.epoch == 2:
            event.write(path)
            break
    resumed = trained(made, noisy, resume=path)
    assert finished(resumed).final["threshold"] == finished(whole).final["threshold"]


def test_a_run_that_diverged_has_none(noisy) -> None:
    wild = experiment(optimizer={"kind": "sgd", "lr": 1e20})
    runs = [run_of(experiment(), 0, fold) for fold in range(2)] + [run_of(wild, 0, 0)]
    found = finished(trained(cohort(runs, folds=FOLDS), noisy)).final["threshold"]
    assert np.isnan(found).tolist() == [False, False, True]


@pytest.mark.parametrize("changes", [{"loss": "mse"}, {"loss": "huber"}])
def test_without_probabilities_there_is_none(noisy, changes) -> None:
    runs = [run_of(experiment(**changes, optimizer={"kind": "sgd", "lr": 0.01}), 0)]
    assert "threshold" not in finished(trained(cohort(runs), noisy)).final


def test_of_more_classes_there_is_none(digits) -> None:
    runs = [run_of(experiment(epochs=1), 0)]
    assert "threshold" not in finished(trained(cohort(runs), digits)).final
