"""Jobs of known truth through the real engine: hundreds of samples train as one cohort.

The samples lie below each other in one dataset, and the parts of each replicate are what the
service would give that sample alone, moved to its block. A replicate's seed says which block it is
of. Every test part also gets rows that nobody trains on: they measure the truth, and no report
sees them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import numpy as np

from benchmarks.honesty.world import Task
from core.datasets import Dataset, DatasetFacts, Parts, Protocol, Replicate, parts_of
from core.datasets.source import Features, Targets
from core.plan import Shapes, plan
from core.rows import RowScores, read_rows
from core.spec import Limits, Resolved, experiment_at, resolve, runs_of
from core.spec.protocol import protocol_of
from core.train import Cohort, Finished, train

Kind = Literal["noise", "twin", "names", "planted"]
Network = Literal["linear", "mlp"]
FRESH = 200  # rows that measure the truth; of hundreds of samples
SAMPLES = 40  # trained together
MEMORY_BYTES = 2**30
FEATURES = {"noise": 10, "twin": 10, "names": 10, "planted": 60}
STEPS = 60  # about as many for every size of sample
BATCH = 32
LAMBDAS = [0.003, 0.03, 0.3]


@dataclass(frozen=True)
class Lesson:
    """One cell of the gate."""

    kind: Kind
    network: Network
    task: Task
    rows: int
    arms: int = 6
    repeats: int = 1
    noise: float = 1.0

    @property
    def metric(self) -> str:
        return "accuracy" if self.task == "classification" else "mse"

    @property
    def sign(self) -> int:
        return 1 if self.task == "classification" else -1

    @property
    def equal(self) -> bool:
        """Whether all arms have the same truth by design."""
        return self.kind in ("twin", "names") or (
            self.kind == "noise" and self.task == "classification"
        )


@dataclass(frozen=True)
class Trained:
    """One run: whose it is, its final scores, what its test rows scored, and fresh rows' mean."""

    sample: int
    arm: str
    setting: Mapping[str, float]
    replicate: Replicate
    final: Mapping[str, float]
    scores: RowScores
    fresh: float


def resolved(lesson: Lesson) -> Resolved:
    """The job that is asked for each sample."""
    return resolve(_body(lesson), lambda source: _facts(lesson, lesson.rows), Limits())


def lessons(lesson: Lesson, samples: Sequence[int]) -> Iterator[list[Trained]]:
    """The runs of each sample's job."""
    job = resolved(lesson)
    for first in range(0, len(samples), SAMPLES):
        yield from _together(lesson, job, samples[first : first + SAMPLES])


def _together(lesson: Lesson, job: Resolved, samples: Sequence[int]) -> Iterator[list[Trained]]:
    drawn = [_sample(lesson, sample) for sample in samples]
    block = lesson.rows + FRESH
    whole = Dataset.of_numbers(
        _facts(lesson, block * len(samples)),
        np.concatenate([x for x, _ in drawn]),
        np.concatenate([y for _, y in drawn]),
    )
    alone = [
        Dataset.of_numbers(
            _facts(lesson, lesson.rows), x[: lesson.rows].copy(), y[: lesson.rows].copy()
        )
        for x, y in drawn
    ]

    def confined(
        dataset: Dataset, protocol: Protocol, wanted: Sequence[Replicate]
    ) -> dict[Replicate, Parts]:
        found = {}
        for code in wanted:
            place = _place_of(code, len(samples))
            own = replace(
                protocol, split=protocol.split.model_copy(update={"seed": samples[place]})
            )
            inside = replace(code, seed=0)
            parts = parts_of(alone[place], own, [inside])[inside]
            start = place * block
            fresh = np.arange(lesson.rows, block)
            test = np.concatenate([parts.test, fresh]) + start
            found[code] = Parts(parts.train + start, parts.validation + start, test)
        return found

    done: list[list[Trained]] = [[] for _ in samples]
    with patch("core.train.data.parts_of", confined):
        for members, cohort in _cohorts(job, lesson, samples):
            for trained in _train(lesson, cohort, whole, members, len(samples)):
                done[trained.sample].append(trained)
    for place, runs in enumerate(done):
        yield [replace(run, sample=samples[place]) for run in runs]


Member = tuple[str, Mapping[str, float], Replicate]


def _cohorts(
    job: Resolved, lesson: Lesson, samples: Sequence[int]
) -> Iterator[tuple[list[Member], Cohort]]:
    members: list[Member] = [
        (arm, setting, replace(at, seed=_code(lesson, arm, place, samples)))
        for place in range(len(samples))
        for arm, setting, at in runs_of(job)
    ]
    experiments = [experiment_at(job.document, arm, setting) for arm, setting, _ in members]
    shapes = Shapes.of(job.facts, protocol_of(job.spec))
    for piece in plan(experiments, shapes, memory_bytes=MEMORY_BYTES):
        taken = [members[i] for i in piece.runs]
        rows = [
            (arm, setting, at.seed, at.repeat, at.fold, at.inner_fold) for arm, setting, at in taken
        ]
        yield taken, Cohort.of(job.document, rows)


def _code(lesson: Lesson, arm: str, place: int, samples: Sequence[int]) -> int:
    """A seed that tells the block, and draws apart for each arm where arms are twins.

    Samples trained together draw apart from those of another cohort too.
    """
    twin = int(arm.removeprefix("arm_")) if lesson.kind == "twin" else 0
    return (samples[0] * 8 + twin) * len(samples) + place


def _place_of(code: Replicate, samples: int) -> int:
    return code.seed % samples


def _train(
    lesson: Lesson, cohort: Cohort, whole: Dataset, members: Sequence[Member], samples: int
) -> Iterator[Trained]:
    (end,) = (event for event in train(cohort, whole) if isinstance(event, Finished))
    assert end.write_rows is not None, "no budget was given"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.safetensors"
        end.write_rows(path)
        scores = read_rows(path, range(len(members)))
    for row, (arm, setting, at) in enumerate(members):
        place = _place_of(at, samples)
        own, fresh = _parted(lesson, scores, row, place)
        final = {name: values[row] for name, values in end.final.items()}
        yield Trained(place, arm, setting, replace(at, seed=0), final, own, fresh)


def _parted(lesson: Lesson, scores: RowScores, row: int, place: int) -> tuple[RowScores, float]:
    """A run's scores on the rows of its own sample, and its mean score on fresh ones."""
    stream = scores.stream_R[row]
    index_N = scores.index_SN[stream] - place * (lesson.rows + FRESH)
    there_N = scores.index_SN[stream] >= 0
    own_N, fresh_N = there_N & (index_N < lesson.rows), there_N & (index_N >= lesson.rows)
    of_row = {lesson.metric: scores.row[lesson.metric][row]}
    own = RowScores(
        index_SN=index_N[None, own_N],
        stream_R=np.zeros(1, np.int64),
        target_SN=scores.target_SN[stream][None, own_N],
        row={name: value_N[None, own_N] for name, value_N in of_row.items()},
    )
    return own, float(of_row[lesson.metric][fresh_N].mean())


def _sample(lesson: Lesson, sample: int) -> tuple[Features, Targets]:
    rng = np.random.default_rng([sample, lesson.rows, len(lesson.kind)])
    features = FEATURES[lesson.kind]
    x = rng.standard_normal((lesson.rows + FRESH, features)).astype(np.float32)
    noise = rng.standard_normal(len(x)).astype(np.float32)
    signal = x.sum(axis=1) / np.sqrt(features) + 0.5 * np.sin(2 * x[:, 0])
    value = noise if lesson.kind == "noise" else signal + lesson.noise * noise
    if lesson.task == "classification":
        return x, (value > 0).astype(np.int64)
    return x, value[:, None].astype(np.float32)


def _facts(lesson: Lesson, rows: int) -> DatasetFacts:
    shape, classes = (FEATURES[lesson.kind],), ("no", "yes")
    if lesson.task == "regression":
        return DatasetFacts.of_numbers("regression", rows, shape, sha256="ab" * 32)
    counts = (rows // 2, rows - rows // 2)
    return DatasetFacts.of_numbers("classification", rows, shape, classes, counts, sha256="ab" * 32)


def _body(lesson: Lesson) -> dict[str, Any]:  # Any: JSON
    epochs = max(2, round(STEPS * BATCH / (0.64 * lesson.rows)))
    mlp = {"kind": "mlp", "hidden": [16]}
    return {
        "name": "honesty",
        "dataset": "ds_honesty",
        "architecture": mlp if lesson.network == "mlp" else "linear",
        "loss": "cross_entropy" if lesson.task == "classification" else "mse",
        "optimizer": {"kind": "sgd", "lr": 0.1 if lesson.task == "classification" else 0.03},
        "epochs": epochs,
        "evaluate_every": epochs,
        "batch_size": BATCH,
        "standardize": False,
        "select": {"metric": f"val_{lesson.metric}"},
        "repeats": lesson.repeats,
        "compare": _arms(lesson),
    }


def _arms(lesson: Lesson) -> list[dict[str, Any]]:  # Any: JSON
    def penal(kind: str, *lambdas: float) -> list[dict[str, Any]]:  # Any: JSON
        return [{"kind": kind, "lambda": {"values": list(lambdas)}}]

    if lesson.kind in ("twin", "names"):
        same = penal("l2", *LAMBDAS[:2])
        return [{"name": f"arm_{i}", "regularizers": same} for i in range(lesson.arms)]
    arms: list[dict[str, Any]] = [  # Any: JSON
        {"name": "none"},
        {"name": "l2", "regularizers": penal("l2", *LAMBDAS)},
        {"name": "l1", "regularizers": penal("l1", *LAMBDAS)},
        {"name": "decay", "regularizers": penal("weight_decay", *LAMBDAS)},
        {"name": "strong", "regularizers": penal("l2", 0.1)},
        {"name": "sparse", "regularizers": penal("l1", 0.03)},
    ]
    return arms[: lesson.arms]
