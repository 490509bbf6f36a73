"""What a report is made from: rows of the store as plain values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from core.rows import RowScores

FINAL = frozenset({"succeeded", "failed", "cancelled"})


@dataclass(frozen=True)
class JobRecord:
    """One job.

    document: the resolved specification, re-postable.
    facts: of the dataset: task, examples, classes, name, sha256.
    versions: of the software that ran it, by name.
    """

    id: str
    name: str | None
    document: Mapping[str, object]
    facts: Mapping[str, object]
    status: str
    created_at: datetime | None
    versions: Mapping[str, str]


@dataclass(frozen=True)
class RunRecord:
    """One run: an arm at a setting, for one seed, repeat, fold and inner fold.

    fold, inner_fold: None where one part tests (validates).

    setting: varied values by RFC 6901 pointer relative to the arm; empty when nothing varies.
    final: scores at the reported weights: train_*, val_*, test_*, zeros, weight_norm, objective,
        term/<regularizer>. An absent, `None` or non-finite value is a missing score. Of a run that
        was cancelled: where it was; of one that still trains: as last logged, without test_*.
    stop_reason: completed, early_stopped or diverged; a diverged run has no score.
    """

    id: str
    job: str
    arm: str
    setting: Mapping[str, float]
    seed: int
    repeat: int
    fold: int | None
    inner_fold: int | None
    status: str
    final: Mapping[str, float | None]
    epochs: int
    seconds: float | None
    stop_reason: str | None


@dataclass(frozen=True)
class CurveRecord:
    """One metric of one run against epochs, both of shape (points,); values may be NaN."""

    run: str
    name: str
    epochs: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RowBatch:
    """Runs of one cohort with their scores by test row, in the order of `scores.stream_R`."""

    runs: Sequence[str]
    scores: RowScores


@dataclass(frozen=True)
class Lacking:
    """Why runs have no scores by row that could be recomputed, as a clause after `and`."""

    why: str


# of those of these runs that have any
RowsOf = Callable[[Sequence[str]], Iterable[RowBatch | Lacking]]


def no_rows(runs: Sequence[str]) -> Iterable[RowBatch]:
    """For jobs that stored no scores by row."""
    return ()
