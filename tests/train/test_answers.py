"""The scores of single test rows: what they say, where they are not, and that they stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import Dataset, Parts, Replicate
from core.datasets.classification import Classification
from core.metrics import Metric
from core.network.predict import predictions
from core.rows import RowScores, read_rows
from core.train import Cohort, Event, Snapshot, train
from core.train.trainer import Trainer
from tests.train.conftest import cohort, device, experiment, finished, run_of, trained

FOLDS = 3
PENALTIES: list[Any] = [[], ["l1"], ["dropout"]]
LINEAR = {"architecture": "linear", "loss": "mse", "optimizer": {"kind": "sgd", "lr": 0.05}}


@pytest.fixture(autouse=True)
def uneven(monkeypatch) -> None:
    """Fold k is tested on (3 - k) / 3 of the test part, as groups may divide it."""
    import core.train.data as data

    divide = data.parts_of

    def cut(*args: Any) -> dict[Replicate, Parts]:
        return {
            at: replace(part, test=part.test[: len(part.test) * (FOLDS - (at.fold or 0)) // FOLDS])
            for at, part in divide(*args).items()
        }

    monkeypatch.setattr(data, "parts_of", cut)


def folded(**changes: Any) -> Cohort:
    runs = [
        run_of(experiment(**changes, regularizers=penalty), 0, fold)
        for penalty in PENALTIES
        for fold in range(FOLDS)
    ]
    return cohort(runs, folds=FOLDS)


def rows_of(events: list[Event], folder: Path, runs: int) -> RowScores:
    write = finished(events).write_rows
    assert write is not None
    write(folder / "rows.safetensors")
    return read_rows(folder / "rows.safetensors", range(runs))


def two_classes() -> Dataset:
    return Classification(examples=300, features=6, informative=3, classes=2).load()


@pytest.mark.parametrize("loss", ["cross_entropy", "bce", "mse"])
def test_every_mean_over_rows_is_the_final_score(digits, tmp_path, loss) -> None:
    made = folded(loss=loss)
    events = trained(made, digits)
    found = rows_of(events, tmp_path, len(made.runs))

    kinds = {k for k, m in Metric.members().items() if m.mean_of_examples}
    kinds &= {k for k, m in Metric.members().items() if "classification" in m.tasks}
    if loss == "mse":  # which gives no probabilities
        kinds -= {"brier", "log_loss"}
    assert set(found.row) == {"loss", *kinds}
    for name, row_RN in found.row.items():
        means = np.nanmean(row_RN.astype(np.float64), 1)
        assert finished(events).final[f"test_{name}"] == pytest.approx(means, rel=1e-5, abs=1e-6)
    padding = found.index_SN[found.stream_R] < 0
    assert padding.any()
    assert not padding.all(1).any()
    for row_RN in found.row.values():
        assert np.array_equal(np.isnan(row_RN), padding)


def test_rows_are_those_of_the_test_part_with_their_classes(digits, tmp_path) -> None:
    made = folded()
    found = rows_of(trained(made, digits), tmp_path, len(made.runs))
    for index_N, target_N in zip(found.index_SN, found.target_SN, strict=True):
        there = index_N >= 0
        assert np.array_equal(target_N[there], digits.targets[index_N[there]])
        assert (target_N[~there] == -1).all()
        assert (np.diff(index_N[there]) > 0).all()
    assert [int((part >= 0).sum()) for part in found.index_SN] == [599, 399, 199]
    assert found.stream_R.tolist() == [0, 1, 2] * len(PENALTIES)


def test_rows_that_the_split_keeps_together_share_a_group(digits, tmp_path) -> None:
    assert rows_of(trained(folded(epochs=1), digits), tmp_path, 1).group_SN is None
    groups = np.arange(digits.facts.examples) // 7
    clustered = replace(digits, groups=groups, facts=replace(digits.facts, groups=257))
    made = folded(epochs=1)
    found = rows_of(trained(made, clustered), tmp_path, len(made.runs))
    assert found.group_SN is not None
    for index_N, group_N in zip(found.index_SN, found.group_SN, strict=True):
        there = index_N >= 0
        assert (group_N[~there] == -1).all()
        same = groups[index_N[there]][:, None] == groups[index_N[there]]
        assert np.array_equal(group_N[there][:, None] == group_N[there], same)


def test_probabilities_are_what_the_stored_weights_say(digits, tmp_path, weights) -> None:
    made = folded()
    events = trained(made, digits)
    found = rows_of(events, tmp_path, len(made.runs))
    stored = weights(events)
    assert found.probability_RNC is not None
    assert found.prediction_RNO is None
    for row in (0, 4):
        own = {
            n.removeprefix("reported/"): v[row]
            for n, v in stored.items()
            if n.startswith("reported/")
        }
        model, index_N = made.runs[row].experiment, found.index_SN[found.stream_R[row]]
        there = index_N >= 0
        inputs = digits.features[index_N[there]]
        _, p_NC = predictions(model.architecture, model.loss, digits.facts, own, {"x": inputs})
        assert p_NC is not None
        assert np.abs(found.probability_RNC[row][there] - p_NC).max() <= 1e-4
        assert np.isnan(found.probability_RNC[row][~there]).all()


def test_one_output_for_two_classes_gives_two_columns(tmp_path) -> None:
    made = folded(loss="bce")
    found = rows_of(trained(made, two_classes()), tmp_path, len(made.runs))
    p_RNC = found.probability_RNC
    assert p_RNC is not None
    assert p_RNC.shape[-1] == 2
    assert np.nanmax(np.abs(p_RNC.sum(-1) - 1)) <= 1e-6
    said = np.where(np.isnan(p_RNC[..., 1]), np.nan, p_RNC[..., 1] > 0.5)
    right = np.where(np.isnan(said), np.nan, said == found.target_SN[found.stream_R])
    assert np.array_equal(right, found.row["accuracy"], equal_nan=True)


@pytest.mark.parametrize("standardize", [True, False])
def test_a_regression_gives_values_as_trained(diabetes, tmp_path, standardize) -> None:
    made = replace(folded(**LINEAR), standardize=standardize)
    found = rows_of(trained(made, diabetes), tmp_path, len(made.runs))
    assert found.probability_RNC is None
    assert found.prediction_RNO is not None
    target_RNO = found.target_SN[found.stream_R]
    square = (found.prediction_RNO - target_RNO)[..., 0] ** 2
    assert np.allclose(square, found.row["mse"], rtol=1e-5, equal_nan=True)
    for index_N, target_NO in zip(found.index_SN, found.target_SN, strict=True):
        there = index_N >= 0
        assert np.isnan(target_NO[~there]).all()
        raw = diabetes.targets[index_N[there]]
        # a straight line of what the data says, of slope 1 where nothing is standardised
        slope = np.polyfit(raw[:, 0], target_NO[there][:, 0], 1)[0]
        assert (abs(slope - 1) < 1e-5) != standardize


def test_a_diverged_run_has_no_rows_and_its_neighbours_have_theirs(digits, tmp_path) -> None:
    wild = run_of(experiment(optimizer={"kind": "sgd", "lr": 1e30, "momentum": 0.9}), 0)
    found = rows_of(trained(cohort([wild, run_of(experiment(), 0)]), digits), tmp_path, 2)
    assert found.probability_RNC is not None
    for value in (*found.row.values(), found.probability_RNC):
        assert np.isnan(value[0]).all()
        assert np.isfinite(value[1]).all()


def test_a_cancelled_cohort_has_the_rows_of_what_was_trained(digits, tmp_path) -> None:
    asked = iter(range(10**6))
    events = trained(
        cohort([run_of(experiment(epochs=99), 0)]),
        digits,
        control=lambda: "cancel" if next(asked) >= 43 else None,
    )
    found = rows_of(events, tmp_path, 1)
    mean = found.row["accuracy"].astype(np.float64).mean()
    assert finished(events).cut == 2
    assert finished(events).final["test_accuracy"][0] == pytest.approx(mean, rel=1e-6)


def test_a_resumed_cohort_writes_the_same_bytes(digits, tmp_path) -> None:
    made = folded()
    whole = []
    for event in train(made, digits, device=device(), snapshot_every_s=0):
        whole.append(event)
        if isinstance(event, Snapshot) and event.epoch == 2:
            event.write(tmp_path / "two")
    resumed = trained(made, digits, resume=tmp_path / "two")
    written = []
    for name, events in (("whole", whole), ("resumed", resumed)):
        (tmp_path / name).mkdir()
        rows_of(events, tmp_path / name, 1)
        written.append((tmp_path / name / "rows.safetensors").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize(("parts", "lanes"), [(2, 1), (5, 1), (3, 2)])
def test_taking_turns_or_lanes_changes_no_row(digits, tmp_path, monkeypatch, parts, lanes) -> None:
    made = folded()
    whole = rows_of(trained(made, digits), tmp_path, len(made.runs))
    before = Trainer.__init__
    monkeypatch.setattr(
        Trainer,
        "__init__",
        lambda self, c, data, device, *_: before(self, c, data, device, parts, lanes),
    )
    turns = rows_of(trained(made, digits), tmp_path, len(made.runs))
    assert np.array_equal(whole.index_SN, turns.index_SN)
    for name, row_RN in whole.row.items():
        assert np.allclose(turns.row[name], row_RN, rtol=1e-3, atol=1e-4, equal_nan=True), name


def test_a_small_budget_leaves_out_first_what_the_choice_does_not_need(digits, tmp_path) -> None:
    def within(budget: float, metric: str = "val_accuracy") -> RowScores | None:
        made = replace(folded(epochs=1), metric=metric)
        events = trained(made, digits, rows_bytes_max=budget)
        if finished(events).write_rows is None:
            return None
        return rows_of(events, tmp_path, len(made.runs))

    every = {"loss", "accuracy", "brier", "log_loss"}
    fixed, each = 2 * 3 * 599 * 8 + 9 * 8, 9 * 599 * 4
    whole = within(fixed + each * 14)
    assert whole is not None
    assert whole.probability_RNC is not None
    assert set(whole.row) == every
    rows = within(fixed + each * 14 - 1)
    assert rows is not None
    assert rows.probability_RNC is None
    assert set(rows.row) == every
    least = within(fixed + each * 4 - 1)
    assert least is not None
    assert set(least.row) == {"loss", "accuracy"}
    assert within(fixed + each * 2 - 1) is None
    # ranking needs the probabilities themselves
    ranked = within(fixed + each * 14 - 1, "val_roc_auc")
    assert ranked is not None
    assert ranked.probability_RNC is not None
    assert set(ranked.row) == {"loss"}
