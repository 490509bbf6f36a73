"""Times the report of ten thousand runs, from rows of the store to JSON.

    python -m benchmarks.report [--profile]

Records and scores by test row are made up; no service, no database.
"""

from __future__ import annotations

import cProfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from core.datasets import Protocol, Replicate
from core.report.build import build_report
from core.report.records import JobRecord, RowBatch, RunRecord
from core.report.render import to_json
from core.rows import RowScores
from core.spec import Limits, Resolved, resolve, runs_of

Body = dict[str, Any]  # Any: JSON
ROWS = 1797  # of digits
REPETITIONS = 3
SHAPES: dict[str, Body] = {
    "6 arms × 333 λ × 5 folds": {"arms": 6, "values": 333, "folds": 5},
    "1 arm × 1,000 λ × 10 folds": {"arms": 1, "values": 1000, "folds": 10},
    "50 arms × 20 λ × 5 folds × 2 repeats": {"arms": 50, "values": 20, "folds": 5, "repeats": 2},
    "20 arms × 5 λ × 5 folds × 20 repeats": {"arms": 20, "values": 5, "folds": 5, "repeats": 20},
}


def body_of(arms: int, values: int, **protocol: int) -> Body:
    """Arms that vary one penalty over so many values."""
    lam = {"log_range": [1e-5, 1.0], "num": values}
    penalty = {"kind": "l2", "lambda": lam}
    named = [{"name": f"arm {i}", "regularizers": [penalty]} for i in range(arms)]
    return {
        "dataset": "digits",
        "architecture": "mlp",
        "loss": "cross_entropy",
        "compare": named,
        **protocol,
    }


class Made:
    """Runs with scores, and their rows, of a comparison."""

    def __init__(self, body: Body) -> None:
        found: Resolved = resolve(body, lambda source: source.facts(), Limits())
        self.job = JobRecord(
            id="job_1",
            name=None,
            document=found.document,
            facts=found.facts.document() | {"sha256": "ab" * 32},
            status="succeeded",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            versions={},
        )
        self._rng = np.random.default_rng(0)
        self._folds = Protocol.of(found.document).folds
        self._luck_N = self._rng.random(ROWS)
        self._order: dict[int, np.ndarray] = {}
        planned = enumerate(runs_of(found))
        self.runs = [self._run(i, arm, setting, at) for i, (arm, setting, at) in planned]
        self._places = {run.id: run for run in self.runs}

    def _run(self, i: int, arm: str, setting: Mapping[str, float], at: Replicate) -> RunRecord:
        accuracy, loss = 0.9 + 0.02 * self._rng.random(), 0.3 + 0.1 * self._rng.random()
        final = {f"{split}_accuracy": accuracy for split in ("train", "val", "test")}
        final |= {f"{split}_loss": loss for split in ("train", "val", "test")}
        final |= {f"{split}_f1": accuracy for split in ("train", "val", "test")}
        final |= {"zeros": 0.0, "weight_norm": 3.0, "objective": loss, "term/l2": 0.1}
        return RunRecord(
            id=f"run_{i:06d}",
            job="job_1",
            arm=arm,
            setting=setting,
            **asdict(at),
            status="succeeded",
            final=final,
            epochs=30,
            seconds=0.5,
            stop_reason="completed",
        )

    def rows_of(self, ids: Sequence[str]) -> list[RowBatch]:
        """One batch, as of one cohort."""
        places = list(dict.fromkeys((self._places[i].repeat, self._places[i].fold) for i in ids))
        parts = [self._part(repeat, fold or 0) for repeat, fold in places]
        longest = max(map(len, parts))
        index_SN = np.full((len(parts), longest), -1, np.int64)
        for stream, part in enumerate(parts):
            index_SN[stream, : len(part)] = part
        stream_R = np.array(
            [places.index((self._places[i].repeat, self._places[i].fold)) for i in ids], np.int64
        )
        there_RN = index_SN[stream_R] >= 0
        right_RN = (self._luck_N[index_SN[stream_R]] < 0.93).astype(np.float32)
        loud_RN = self._rng.random(right_RN.shape).astype(np.float32)
        score_RN = np.where(there_RN, np.where(loud_RN < 0.05, 1 - right_RN, right_RN), np.nan)
        probability_RNC = self._rng.random((*right_RN.shape, 10), np.float32)
        scores = RowScores(
            index_SN=index_SN,
            stream_R=stream_R,
            target_SN=np.where(index_SN >= 0, index_SN % 10, -1),
            row={
                "accuracy": score_RN.astype(np.float32),
                "loss": np.where(there_RN, loud_RN, np.nan).astype(np.float32),
            },
            probability_RNC=probability_RNC,
        )
        return [RowBatch(list(ids), scores)]

    def _part(self, repeat: int, fold: int) -> np.ndarray:
        if repeat not in self._order:
            self._order[repeat] = np.random.default_rng([1, repeat]).permutation(ROWS)
        return np.sort(self._order[repeat][fold :: self._folds])


def main(
    profile: Annotated[bool, typer.Option(help="Say where the time goes.")] = False,
) -> None:
    """Processor seconds, the best of a few, for each shape of ten thousand runs."""
    table = Table("runs", "shape", "seconds", "JSON, MB", box=None)
    for name, shape in SHAPES.items():
        made = Made(body_of(**shape))
        build_report([made.job], made.runs[:10])  # imports are not what is timed
        seconds, size = _timed(made)
        table.add_row(f"{len(made.runs):,}", name, f"{seconds:.2f}", f"{size / 1e6:.1f}")
        if profile:
            with cProfile.Profile() as profiler:
                _whole(made)
            profiler.print_stats("cumulative")
    Console(width=100).print(table)


def _timed(made: Made) -> tuple[float, int]:
    """Processor seconds of rows, report and JSON together, and the size of that."""
    best, size = float("inf"), 0
    for _ in range(REPETITIONS):
        began = time.process_time()
        size = len(_whole(made))
        best = min(best, time.process_time() - began)
    return best, size


def _whole(made: Made) -> bytes:
    return to_json(build_report([made.job], made.runs, made.rows_of)).encode()


if __name__ == "__main__":
    typer.run(main)
