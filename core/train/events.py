"""What training says while it runs: frozen events, for whoever records them.

Rows number the runs of the cohort as it was given, whatever has been compacted out since.
Values are Python floats and may be NaN or infinite: a recorder keeps the kind beside a null.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

EndReason = Literal["completed", "early_stopped", "diverged"]


@dataclass(frozen=True)
class Epoch:
    """A logged epoch (from 1) of the runs still training. One host copy made it."""

    epoch: int
    rows: tuple[int, ...]
    metrics: Mapping[str, Sequence[float]]  # name -> one value per row
    seconds: float  # since the last logged epoch


@dataclass(frozen=True)
class Ended:
    """A run left the cohort after this epoch."""

    row: int
    epoch: int
    reason: EndReason


@dataclass(frozen=True)
class Snapshot:
    """A whole state at an epoch's end. Call `write` before asking for the next event, or never.

    The file may be moved or deleted; its bytes must stay as they are.
    """

    epoch: int
    write: Callable[[Path], None]


@dataclass(frozen=True)
class Finished:
    """The cohort is done. Scores are in evaluation mode, at the reported weights of each run.

    `cut`: the last whole epoch, where a cancel came before the epochs were over; runs that were
    training end where they were.

    `final` has, for every row in order, `train_…`, `val_…`, `test_…`, `zeros`, `weight_norm`,
    `objective` and `term/…`; of two classes `threshold`, the probability of the second above which
    a row is of it, as validation rows choose (core.metrics.threshold). `best_epoch` is by the job's
    selection metric (0: never logged).
    `write_weights` stores reported, last and best weights: one safetensors file of the cohort.
    `write_rows` stores what each test row scored (core.rows); None where the budget had no room.
    """

    final: Mapping[str, Sequence[float]]
    best_epoch: Sequence[int]
    write_weights: Callable[[Path], None]
    write_rows: Callable[[Path], None] | None
    cut: int | None = None


Event = Epoch | Ended | Snapshot | Finished
