"""Jobs resolved by the real specification, with scores made up so that answers are known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from core.datasets import DatasetFacts, Replicate
from core.report.build import build_report
from core.report.evidence import Predictions
from core.report.importance import Importance
from core.report.records import CurveRecord, JobRecord, RowBatch, RunRecord
from core.report.regions import regions_of
from core.report.report import Report
from core.rows import RowScores
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
ARMS: dict[str, Any] = {
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "seeds": 1,
    "folds": 5,
    "compare": [
        {"name": "none"},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": {"values": [0.001, 0.1]}}]},
    ],
}
Score = Callable[[str, Mapping[str, float], int, int | None], Mapping[str, float | None]]


def facts_of(source: Any) -> Any:
    return source.facts()


def resolved(body: Mapping[str, Any]) -> Resolved:
    """With one held-out part, unless the body says otherwise."""
    return resolve({"folds": 1, **body}, facts_of, Limits())


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


def run_of(
    number: int, job: str, arm: str, setting: Mapping[str, float], at: Replicate, final: Any
) -> RunRecord:
    """A run that succeeded; that diverged where it has no scores."""
    return RunRecord(
        id=f"run_{job}_{number:05d}",
        job=job,
        arm=arm,
        setting=setting,
        **asdict(at),
        status="succeeded",
        final=final,
        epochs=30,
        seconds=1.5,
        stop_reason="completed" if final else "diverged",
    )


def runs_for(body: Mapping[str, Any], score: Score, job: str = "job_1") -> Iterator[RunRecord]:
    """A succeeded run for each of the job's, scored by the function; diverged where it gives {}."""
    for i, (arm, setting, at) in enumerate(runs_of(resolved(body))):
        yield run_of(i, job, arm, setting, at, score(arm, setting, at.seed, at.fold))


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


def classified(seed: int, rows: int = 500, classes: int = 10) -> Predictions:
    """A classifier that is right more often the surer it is, on five test parts."""
    rng = np.random.default_rng(seed)
    target_M = rng.integers(0, classes, rows)
    logits_MC = rng.normal(0, 1, (rows, classes)) + 3 * np.eye(classes)[target_M]
    probability_MC = np.exp(logits_MC) / np.exp(logits_MC).sum(1, keepdims=True)
    part_M = np.arange(rows) % 5
    return Predictions(part_M, np.arange(rows), target_M=target_M, probability_MC=probability_MC)


def valued(rows: int = 500) -> Predictions:
    rng = np.random.default_rng(0)
    target_MO = rng.normal(0, 1, (rows, 1))
    prediction_MO = target_MO + rng.normal(0, 0.5, (rows, 1))
    part_M = np.arange(rows) % 5
    return Predictions(part_M, np.arange(rows), target_MO=target_MO, prediction_MO=prediction_MO)


def important(metric: str, *, image: bool = False, names: int = 20) -> Importance:
    """Losses that fall from the first region on; those of the first half stand out."""
    features = DatasetFacts.of_numbers(
        "classification",
        100,
        (1, 8, 8) if image else (names,),
        feature_names=() if image else tuple(f"a rather long name {i}" for i in range(names)),
    )
    regions = next(regions_of(features))
    loss_F = np.linspace(0.05, -0.01, len(regions.names))
    p_F = np.where(loss_F > 0.02, 0.001, 0.5)
    return Importance(regions, metric, loss_F, loss_F - 0.02, loss_F + 0.02, p_F, 100, 5)


class World:
    """A job whose runs answer rows right or wrong, by a level that is theirs and rows' own luck.

    level: of an arm at a setting. own: share of rows that a training decides by itself; the rest
    are as hard for all. shift: what a training part adds to a level, by arm and fold.
    """

    def __init__(
        self,
        body: Mapping[str, Any],
        level: Callable[[str, Mapping[str, float]], float],
        *,
        rows: int = 500,
        own: float = 0.1,
        shift: Callable[[str, int], float] = lambda arm, fold: 0.0,
        seed: int = 0,
        job: str = "job_1",
        **more: Any,
    ) -> None:
        self.rows = rows
        self.job = job_of(body, job, **more)
        self.job.facts.update(examples=rows)
        self._body, self._level, self._own, self._shift = body, level, own, shift
        self._luck_N = np.random.default_rng([seed, 1]).random(rows)
        self._seed = seed
        self._right: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self.runs = [self._run(i, *one) for i, one in enumerate(runs_of(resolved(body)))]

    def part(self, repeat: int, fold: int | None) -> np.ndarray:
        """Rows that a fold tests."""
        order = np.random.default_rng([self._seed, 2, repeat]).permutation(self.rows)
        folds = self.job.document["folds"]
        return np.sort(order[: self.rows // 5] if fold is None else order[fold::folds])

    def _run(self, i: int, arm: str, setting: Mapping[str, float], at: Replicate) -> RunRecord:
        place = [at.seed, at.repeat, (at.fold or 0), (at.inner_fold or 0), len(arm), *arm.encode()]
        rng = np.random.default_rng([self._seed, 3, *place])
        luck_N = np.where(rng.random(self.rows) < self._own, rng.random(self.rows), self._luck_N)
        level = self._level(arm, setting) + self._shift(arm, at.fold or 0)
        index = self.part(at.repeat, at.fold)
        right = (luck_N < level)[index]
        rest = np.setdiff1d(np.arange(self.rows), index)
        validates = (luck_N < level)[rng.permutation(rest)[: len(rest) // 5]]
        final = {
            "train_accuracy": min(1.0, level + 0.02),
            "val_accuracy": float(np.float32(validates.mean())),
            "test_accuracy": float(np.float32(right.mean())),
            "test_loss": float(np.float32(1.5 - right.mean())),
            "zeros": 0.0,
        }
        run = run_of(i, self.job.id, arm, setting, at, final)
        self._right[run.id] = index, right
        return run

    def rows_of(self, ids: Sequence[str]) -> list[RowBatch]:
        """The scores by row of these runs, one batch for each, as of as many cohorts."""
        found = []
        for run in ids:
            index, right = self._right[run]
            row = {
                "accuracy": right[None].astype(np.float32),
                "loss": (1.5 - right[None]).astype(np.float32),
            }
            scores = RowScores(index[None], np.zeros(1, np.int64), index[None] % 10, row)
            found.append(RowBatch([run], scores))
        return found

    def report(self, **options: Any) -> Report:
        return build_report([self.job], self.runs, self.rows_of, **options)


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
    world: type[World]
    build: Callable[..., Report]
    classified: Callable[..., Predictions]
    valued: Callable[..., Predictions]
    important: Callable[..., Importance]


@pytest.fixture(scope="session")
def studio() -> Studio:
    return Studio(
        COMPARISON,
        job_of,
        runs_for,
        curves_for,
        lifelike,
        World,
        build_report,
        classified,
        valued,
        important,
    )
