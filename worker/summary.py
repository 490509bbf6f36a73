"""Last, best and when, per run and metric, kept up as epochs arrive.

It is a function of the metrics rows alone, so a worker that takes a cohort over reads them
again and goes on with the very same summary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from core.metrics import Metric
from worker.payload import Column, Kinds, numbers

# {"last", "best", "best_epoch"}; "kind" and "best_kind" say what a null of these really is
Score = dict[str, float | str | None]


class Summary:
    """The running summary of the `rows` runs of one cohort."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._tracks: dict[str, _Track] = {}
        self._changed: set[int] = set()

    def add(
        self, epoch: int, rows: Sequence[int], metrics: Mapping[str, Column], kinds: Kinds
    ) -> None:
        """Take in one logged epoch; position i of each column belongs to run `rows[i]`."""
        index = np.asarray(rows, dtype=np.int64)
        for name, column in metrics.items():
            track = self._tracks.setdefault(name, _Track(name, self._rows))
            track.add(epoch, index, np.asarray(numbers(column, kinds.get(name, {}))))
        self._changed.update(rows)

    def changed(self) -> dict[int, dict[str, Score]]:
        """Row -> metric -> score, of the rows that changed since `settle`."""
        return {
            row: {name: track.score(row) for name, track in self._tracks.items() if track.has(row)}
            for row in sorted(self._changed)
        }

    def settle(self) -> None:
        """From now on these are the old scores."""
        self._changed.clear()


class _Track:
    """One metric of every run. `best` exists where a direction does."""

    def __init__(self, name: str, rows: int) -> None:
        self._sign = _sign(name)
        self._last = np.full(rows, np.nan)
        self._best = np.full(rows, np.nan)
        self._best_epoch = np.full(rows, -1)
        self._seen = np.zeros(rows, dtype=bool)

    def add(self, epoch: int, rows: np.ndarray, values: np.ndarray) -> None:
        self._seen[rows] = True
        self._last[rows] = values
        if self._sign is None:
            return
        best = self._best[rows]
        # The first of equals stays; NaN never wins, and loses to any number.
        better = ~np.isnan(values) & (np.isnan(best) | (self._sign * values > self._sign * best))
        self._best[rows[better]] = values[better]
        self._best_epoch[rows[better]] = epoch

    def has(self, row: int) -> bool:
        return bool(self._seen[row])

    def score(self, row: int) -> Score:
        epoch = int(self._best_epoch[row])
        score: Score = {
            "last": _finite(self._last[row]),
            "best": _finite(self._best[row]) if epoch >= 0 else None,
            "best_epoch": epoch if epoch >= 0 else None,
        }
        if not np.isfinite(self._last[row]):
            score["kind"] = str(float(self._last[row]))
        if epoch >= 0 and not np.isfinite(self._best[row]):
            score["best_kind"] = str(float(self._best[row]))
        return score


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _sign(name: str) -> int | None:
    """+1 where more is better, -1 where less is, None where neither (a weight norm, a rate)."""
    if name == "objective":
        return -1
    part, _, kind = name.partition("_")
    if part not in ("train", "val", "test"):
        return None
    if kind == "loss":
        return -1
    metric = Metric.members().get(kind)
    return None if metric is None else {"max": 1, "min": -1}[metric.direction]
