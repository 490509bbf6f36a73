"""Jobs resolved by the real specification, with scores made up so that answers are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from core.report.records import CurveRecord, JobRecord, RunRecord
from core.spec import Limits, Resolved, resolve, runs_of

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
COMPARISON: dict[str, Any] = {
    "name": "which regularizer for digits",
    "dataset": "digits",
    "architecture": {"kind": "mlp", "hidden": [64]},
    "loss": "cross_entropy",
    "epochs": 30,
    "seeds": 5,
    "compare": [
        {"name": "none"},
        {
            "name": "l1",
            "regularizers": [{"kind": "l1", "lambda": {"log_range": [1e-5, 1e-1], "num": 9}}],
        },
        {
            "name": "l2",
            "regularizers": [{"kind": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 9}}],
        },
        {
            "name": "dropout",
            "regularizers": [{"kind": "dropout", "p": {"values": [0.1, 0.3, 0.5, 0.7]}}],
        },
    ],
}
Score = Callable[[str, Mapping[str, float], int, int | None], Mapping[str, float | None]]


def facts_of(source: Any) -> Any:
    return source.facts()


def resolved(body: Mapping[str, Any]) -> Resolved:
    return resolve(dict(body), facts_of, Limits())


def job_of(body: Mapping[str, Any], id: str = "job_1", **more: Any) -> JobRecord:
    found = resolved(body)
    facts = found.facts.document() | {"sha256": "ab" * 32}
    values: dict[str, Any] = {
        "id": id,
        "name": found.spec.name,
        "document": found.document,
        "facts": facts,
        "status": "succeeded",
        "created_at": CREATED,
        "versions": {"occam": "0.1.0", "torch": "2.13.0"},
    }
    return JobRecord(**values | more)


def runs_for(body: Mapping[str, Any], score: Score, job: str = "job_1") -> Iterator[RunRecord]:
    """A succeeded run for each of the job's, scored by the function; diverged where it gives {}."""
    for i, (arm, setting, seed, fold) in enumerate(runs_of(resolved(body))):
        final = score(arm, setting, seed, fold)
        yield RunRecord(
            id=f"run_{job}_{i:05d}",
            job=job,
            arm=arm,
            setting=setting,
            seed=seed,
            fold=fold,
            status="succeeded",
            final=final,
            epochs=30,
            seconds=1.5,
            stop_reason="completed" if final else "diverged",
        )


def lifelike(arm: str, setting: Mapping[str, float], seed: int, fold: int | None) -> dict[str, Any]:
    """Scores shaped like those of a real sweep: a hump over λ, seeds shared among the arms."""
    rng = np.random.default_rng(
        [
            seed,
            fold or 0,
            len(arm),
            *np.float64(list(setting.values()) or [0.0]).view(np.uint64) % 2**31,
        ]
    )
    common = np.random.default_rng([seed, 77]).normal(0, 0.006)
    value = next(iter(setting.values()), 0.0)
    peak, height, width = {
        "l1": (3e-4, 0.016, 1.6),
        "l2": (3e-3, 0.014, 1.8),
        "dropout": (0.3, 0.011, 0.5),
    }.get(arm, (1.0, 0.0, 1.0))
    distance = (np.log10(value / peak) / width) ** 2 if value else 0.0
    quality = 0.955 + height * (1 - distance) - (0.12 * max(0.0, distance - 1.2))
    val = float(quality + common + rng.normal(0, 0.0025))
    zeros = float(np.clip(0.25 + 0.2 * np.log10(value / 1e-5), 0, 1)) if arm == "l1" else 0.0
    train = min(1.0, 1.0 - 0.6 * max(0.0, distance) * height)
    return {
        "train_accuracy": train,
        "val_accuracy": val,
        "test_accuracy": float(val - 0.004 + rng.normal(0, 0.003)),
        "train_loss": 0.02 + 0.5 * (1 - train),
        "val_loss": 0.15 + 3 * (0.97 - val),
        "test_loss": 0.16 + 3 * (0.97 - val),
        "val_ece": 0.02,
        "zeros": zeros,
        "weight_norm": 12.5,
        "objective": 0.1,
        "term/l1": 0.03 if arm == "l1" else 0.0,
        "term/l2": 0.01 if arm == "l2" else 0.0,
    }


def curves_for(runs: list[RunRecord]) -> Iterator[CurveRecord]:
    """Curves that end at each run's final scores."""
    epochs = np.arange(1, 31)
    for run in runs:
        rng = np.random.default_rng([run.seed, len(run.arm)])
        for name in ("train_accuracy", "val_accuracy", "train_loss", "val_loss"):
            end = run.final.get(name)
            if end is not None:
                start = 0.4 if name.endswith("accuracy") else 2.0
                path = end + (start - end) * np.exp(-epochs / 3.5)
                yield CurveRecord(run.id, name, epochs, path + rng.normal(0, 0.003, len(epochs)))


@pytest.fixture(scope="session")
def comparison() -> tuple[JobRecord, list[RunRecord], list[CurveRecord]]:
    runs = list(runs_for(COMPARISON, lifelike))
    return job_of(COMPARISON), runs, list(curves_for(runs))


@dataclass(frozen=True)
class Studio:
    """What tests make jobs, runs and curves with."""

    body: Mapping[str, Any]
    job: Callable[..., JobRecord]
    runs: Callable[..., Iterator[RunRecord]]
    curves: Callable[[list[RunRecord]], Iterator[CurveRecord]]
    lifelike: Score


@pytest.fixture(scope="session")
def studio() -> Studio:
    return Studio(COMPARISON, job_of, runs_for, curves_for, lifelike)
