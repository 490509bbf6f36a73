"""What is recomputed from stored weights, against what the training itself stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from core.answers.recomputed import Trained, recomputed, seconds
from core.datasets import Dataset, Protocol, Replicate
from core.datasets.builtin import Builtin
from core.datasets.classification import Classification
from core.rows import RowScores, read_rows
from core.spec import Experiment
from core.train import Cohort, Finished, Run, Snapshot, train

FOLDS = 4  # 1,797 and 442 rows do not divide by it
ALIKE = 1e-6  # what is stored is float32, and this near it what is recomputed
BODY: dict[str, Any] = {
    "architecture": {"kind": "mlp", "hidden": [16]},
    "loss": "cross_entropy",
    "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
    "epochs": 4,
    "batch_size": 64,
}
STOPS = {"kind": "early_stopping", "patience": 1}
KINDS: list[Any] = [[], ["dropout", STOPS], [{"kind": "label_smoothing", "epsilon": 0.2}]]


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def interleaved(protocol: Protocol, **changes: Any) -> Cohort:
    """Runs of arms in turn, each over all replicates of the protocol."""
    kinds, standardize = changes.pop("kinds", KINDS), changes.pop("standardize", True)
    runs = [
        Run(Experiment.model_validate(BODY | changes | {"regularizers": kind}), at)
        for at in protocol.replicates()
        for kind in kinds
    ]
    return Cohort(tuple(runs), protocol, standardize, metric="val_loss")


def stored(cohort: Cohort, dataset: Dataset, folder: Path, **more: Any) -> Finished:
    """Of a training to its end, with its artifacts in the folder."""
    *_, end = train(cohort, dataset, **more)
    assert isinstance(end, Finished)
    end.write_weights(folder / "weights.safetensors")
    if end.write_rows is not None:
        end.write_rows(folder / "rows.safetensors")
    return end


def again(
    cohort: Cohort, dataset: Dataset, folder: Path, rows: Sequence[int], **more: Any
) -> RowScores | None:
    weights = load_file(folder / "weights.safetensors")
    tensors = {
        name.removeprefix("reported/"): value[list(rows)]
        for name, value in weights.items()
        if name.startswith("reported/")
    }
    some = [cohort.runs[row] for row in rows]
    trained = Trained([run.experiment for run in some], [run.replicate for run in some])
    asked = {"chosen": "loss", "bytes_max": 1e12} | more
    return recomputed(trained, tensors, dataset, cohort.protocol, **asked)


def assert_alike(found: RowScores, expected: RowScores) -> None:
    """Up to what runs in another order have as numbers of their parts, as `read_rows` gives."""
    longest = found.index_SN.shape[1]
    assert np.array_equal(found.stream_R, expected.stream_R)
    assert np.array_equal(found.index_SN, expected.index_SN[:, :longest])
    assert found.target_SN.dtype == expected.target_SN.dtype
    np.testing.assert_array_equal(found.target_SN, expected.target_SN[:, :longest])
    assert (found.group_SN is None) == (expected.group_SN is None)
    if found.group_SN is not None and expected.group_SN is not None:
        np.testing.assert_array_equal(found.group_SN, expected.group_SN[:, :longest])
    assert found.row.keys() == expected.row.keys()
    pairs = {name: (found.row[name], expected.row[name]) for name in found.row}
    assert found.answers is not None
    assert expected.answers is not None
    assert (found.probability_RNC is None) == (expected.probability_RNC is None)
    pairs["answers"] = (found.answers, expected.answers)
    for name, (here, there) in pairs.items():
        assert here.dtype == np.float32
        there = there[:, :longest]
        np.testing.assert_allclose(here, there, rtol=ALIKE, atol=ALIKE, err_msg=name)


def digits() -> Dataset:
    return Builtin(name="digits").load()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"architecture": "cnn", "epochs": 1},
        {"architecture": {"kind": "mlp", "batch_norm": True, "hidden": [8]}},
        {"loss": {"kind": "cross_entropy", "class_weights": "balanced"}},
        {"loss": "mse", "kinds": [[], ["l1"]]},
        {"standardize": False},
    ],
    ids=["mlp", "cnn", "batch norm", "class weights", "no probabilities", "as it comes"],
)
def test_what_is_recomputed_is_what_was_stored(tmp_path: Path, changes: dict[str, Any]) -> None:
    cohort = interleaved(Protocol(seeds=(3,), folds=FOLDS), **changes)
    data = digits()
    stored(cohort, data, tmp_path)
    rows = [7, 2, 3]  # of three parts, in another order than in the cohort
    found = again(cohort, data, tmp_path, rows)
    assert found is not None
    assert_alike(found, read_rows(tmp_path / "rows.safetensors", rows))


@pytest.mark.parametrize("standardize", [True, False])
def test_a_regression_has_its_values_as_it_was_trained_on_them(
    tmp_path: Path, standardize: bool
) -> None:
    data = Builtin(name="diabetes").load()
    protocol = Protocol(seeds=(0,), folds=FOLDS, repeats=2)
    linear = {"architecture": "linear", "loss": "huber", "optimizer": {"kind": "sgd", "lr": 0.01}}
    cohort = interleaved(protocol, **linear, kinds=[[], ["l2"]], standardize=standardize)
    stored(cohort, data, tmp_path)
    rows = list(range(len(cohort.runs)))
    found = again(cohort, data, tmp_path, rows)
    assert found is not None
    assert np.isnan(found.target_SN).any()  # the parts differ in length
    assert_alike(found, read_rows(tmp_path / "rows.safetensors", rows))


def test_groups_and_one_output_for_two_classes(tmp_path: Path) -> None:
    plain = Classification(examples=300, features=6, informative=3, classes=2).load()
    doubled = Dataset.of_numbers(
        plain.facts,
        np.concatenate([plain.features[:150], plain.features[:150]]),
        np.concatenate([plain.targets[:150], plain.targets[:150]]),
    )  # every row twice: what the split keeps together
    cohort = interleaved(Protocol(seeds=(0, 1)), loss="bce", kinds=[[], ["l2"]])
    stored(cohort, doubled, tmp_path)
    rows = [3, 0]
    found = again(cohort, doubled, tmp_path, rows)
    assert found is not None
    assert found.group_SN is not None
    assert found.answers is not None
    assert found.answers.shape[-1] == 2
    assert_alike(found, read_rows(tmp_path / "rows.safetensors", rows))


def test_a_resumed_cohort_is_recomputed_from_the_weights_that_it_ended_with(tmp_path: Path) -> None:
    cohort, data = interleaved(Protocol(seeds=(0,), folds=FOLDS)), digits()
    for event in train(cohort, data, snapshot_every_s=0):
        if isinstance(event, Snapshot) and event.epoch == 2:
            event.write(tmp_path / "two")
    stored(cohort, data, tmp_path, resume=tmp_path / "two")
    found = again(cohort, data, tmp_path, [1, 5, 10])
    assert found is not None
    assert_alike(found, read_rows(tmp_path / "rows.safetensors", [1, 5, 10]))


def test_a_run_that_diverged_has_no_rows_and_its_neighbour_has(tmp_path: Path) -> None:
    at = Protocol().replicates()[0]
    wild = Experiment.model_validate(BODY | {"optimizer": {"kind": "sgd", "lr": 1e30}})
    tame = Experiment.model_validate(BODY)
    cohort = Cohort((Run(wild, at), Run(tame, at)), Protocol(), True, "val_loss")
    stored(cohort, digits(), tmp_path)
    found = again(cohort, digits(), tmp_path, [0, 1])
    assert found is not None
    assert_alike(found, read_rows(tmp_path / "rows.safetensors", [0, 1]))
    assert np.isnan(found.row["loss"][0]).all()


def test_it_gives_the_same_bits_each_time_also_where_nothing_was_stored(tmp_path: Path) -> None:
    cohort, data = interleaved(Protocol(seeds=(0,), folds=FOLDS)), digits()
    end = stored(cohort, data, tmp_path, rows_bytes_max=1000)
    assert end.write_rows is None
    first, second = (again(cohort, data, tmp_path, [4, 8]) for _ in range(2))
    assert first is not None
    assert second is not None
    for name in first.row:
        assert np.array_equal(first.row[name], second.row[name], equal_nan=True)
    assert np.array_equal(first.answers, second.answers, equal_nan=True)  # type: ignore[arg-type]
    means = np.nanmean(first.row["accuracy"].astype(np.float64), axis=1)
    reported = [end.final["test_accuracy"][row] for row in (4, 8)]
    assert reported == pytest.approx(means, abs=1e-6)


def test_within_a_budget_there_is_less_of_it_and_below_nothing(tmp_path: Path) -> None:
    cohort, data = interleaved(Protocol(seeds=(0,), folds=FOLDS)), digits()
    stored(cohort, data, tmp_path)
    each = 450 * 4  # bytes of one number for every row of the longest part
    fixed = 2 * 450 * 8 + 8
    less = again(cohort, data, tmp_path, [0], chosen="accuracy", bytes_max=fixed + 2 * each)
    assert less is not None
    assert less.answers is None
    assert set(less.row) == {"loss", "accuracy"}
    assert again(cohort, data, tmp_path, [0], bytes_max=fixed) is None


def test_its_time_grows_with_runs_and_rows() -> None:
    facts = digits().facts
    experiment = Experiment.model_validate(BODY)

    def estimated(runs: int, folds: int) -> float:
        trained = Trained([experiment] * runs, [Replicate(0, 0, 0)] * runs)
        return seconds(trained, facts, Protocol(folds=folds))

    one = estimated(1, 4)
    assert estimated(10, 4) == pytest.approx(10 * one)
    assert estimated(1, 8) == pytest.approx(one / 2, rel=0.01)
