"""Small cohorts on real data, for tests of the engine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch

from core.datasets import Dataset, Protocol, Replicate
from core.datasets.builtin import Builtin
from core.spec.experiment import Experiment
from core.train import Cohort, Event, Finished, Run, train


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


PROTOCOL = ("folds", "inner_folds", "split")
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


@pytest.fixture(autouse=True, params=DEVICES)
def every_device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine's whole battery runs on each device that this machine has."""
    monkeypatch.setenv("OCCAM_TEST_DEVICE", request.param)


def device() -> str:
    return os.environ["OCCAM_TEST_DEVICE"]


def tolerance() -> float:
    """How far a run in a cohort may end from the same run alone: cuBLAS picks kernels by size."""
    return 1e-5 if device() == "cpu" else 1e-3


@pytest.fixture(scope="session")
def digits() -> Dataset:
    return Builtin(name="digits").load()


@pytest.fixture(scope="session")
def diabetes() -> Dataset:
    return Builtin(name="diabetes").load()


@pytest.fixture(scope="session")
def breast_cancer() -> Dataset:
    return Builtin(name="breast_cancer").load()


def experiment(**changes: Any) -> Experiment:
    body = {
        "architecture": {"kind": "mlp", "hidden": [16]},
        "loss": "cross_entropy",
        "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
        "epochs": 4,
        "batch_size": 64,
    }
    return Experiment.model_validate(body | changes)


def cohort(runs: Sequence[Run], **changes: Any) -> Cohort:
    """Of these runs; fields of the Protocol are taken as well."""
    divided = {name: changes.pop(name) for name in PROTOCOL if name in changes}
    settled: dict[str, Any] = {"standardize": True, "metric": "val_loss"}
    return Cohort(runs=tuple(runs), protocol=Protocol(**divided), **(settled | changes))


def run_of(
    experiment: Experiment,
    seed: int,
    fold: int | None = None,
    *,
    repeat: int = 0,
    inner_fold: int | None = None,
) -> Run:
    return Run(experiment, Replicate(seed, repeat, fold, inner_fold))


def finished(events: Sequence[Event]) -> Finished:
    assert isinstance(events[-1], Finished), f"training ended with {events[-1]}"
    return events[-1]


@pytest.fixture
def weights(tmp_path: Any) -> Callable[[Sequence[Event]], dict[str, np.ndarray]]:
    """What a finished cohort stores: last, best and reported weights by layer, (R, …) each."""

    def read(events: Sequence[Event]) -> dict[str, np.ndarray]:
        from safetensors.numpy import load_file

        path = tmp_path / "weights.safetensors"
        finished(events).write_weights(path)
        return load_file(path)

    return read


def rows(stored: dict[str, np.ndarray], which: str, row: int) -> np.ndarray:
    """Everything stored of one run's last, best or reported weights, as one vector."""
    return np.concatenate(
        [v[row].ravel() for name, v in sorted(stored.items()) if name.startswith(which)]
    )


def trained(made: Cohort, data: Dataset, **options: Any) -> list[Event]:
    return list(train(made, data, device=device(), **options))
