"""What is known of a cohort's runs so far, and which part of it no row tells yet.

It is a function of the recorded rows and of the messages that came since, so a worker that takes
a cohort over starts from the rows and arrives at the very same tally.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self

import numpy as np
from sqlalchemy.orm import Session

from core.store import events, runs
from core.store.cohorts import ClaimedCohort
from core.store.events import EventType
from core.store.runs import RunUpdate
from worker.summary import Summary

Json = Mapping[str, Any]  # Any: JSON

METRICS: tuple[EventType] = ("metrics",)
PAGE = 500  # recorded epochs read at once when a cohort is taken over


class Tally:
    """Epochs, endings, scores and seconds of the runs of a cohort, by row."""

    def __init__(self, run_ids: list[str], epochs: int) -> None:
        self.run_ids = run_ids
        self.epoch = 0  # the newest logged one
        self.endings: dict[int, tuple[int, str]] = {}  # row -> last epoch, why
        self._epochs = epochs
        self._at = np.zeros(len(run_ids), dtype=np.int64)  # epochs behind each run
        self._seconds = np.zeros(len(run_ids))
        self._summary = Summary(len(run_ids))
        self._fresh_epochs: list[tuple[int, Json]] = []
        self._fresh_rows: set[int] = set()  # whose ending is fresh

    @classmethod
    def load(cls, session: Session, cohort: ClaimedCohort) -> Self:
        """From the rows that other attempts left."""
        members = runs.of_cohort(session, cohort.id)
        tally = cls([run.id for run in members], cohort.epochs)
        row_of = {run_id: row for row, run_id in enumerate(tally.run_ids)}
        seq = 0
        while page := events.read_after(
            session, cohort.job_id, seq, limit=PAGE, types=METRICS, cohort_ids=(cohort.id,)
        ):
            for event in page:
                data = json.loads(event.data)
                tally._absorb(data, [row_of[run_id] for run_id in data["runs"]])
            seq = page[-1].seq
            session.expunge_all()
        for row, run in enumerate(members):
            if run.stop_reason is not None:
                tally._end(row, run.stopped_epoch or cohort.epochs, run.stop_reason)
        tally._summary.settle()
        return tally

    def add(self, message: Json) -> None:
        """A logged epoch. One that another attempt recorded already is let go."""
        if message["epoch"] <= self.epoch:
            return
        data = {
            "epoch": message["epoch"],
            "runs": [self.run_ids[row] for row in message["rows"]],
            "metrics": message["metrics"],
            "nonfinite": message["nonfinite"],
        }
        self._absorb(data, message["rows"])
        self._fresh_epochs.append((message["epoch"], data))

    def end(self, row: int, epoch: int, reason: str) -> None:
        """A run's ending. One that another attempt recorded already is let go."""
        if row not in self.endings:
            self._end(row, epoch, reason)
            self._fresh_rows.add(row)

    def is_fresh(self) -> bool:
        """Whether something is not recorded yet."""
        return bool(self._fresh_epochs or self._fresh_rows)

    def fresh_epochs(self) -> list[tuple[int, Json]]:
        """Epochs that no row tells yet, in order, with their payloads."""
        return self._fresh_epochs

    def fresh_endings(self) -> list[tuple[int, int, str]]:
        """(row, last epoch, why) of runs whose ending no row tells yet."""
        return [(row, *self.endings[row]) for row in sorted(self._fresh_rows)]

    def updates(self, *, scores: bool) -> list[RunUpdate]:
        """What is new about the runs: endings, and with `scores` also last and best values."""
        found: dict[int, RunUpdate] = {}
        for row, epoch, reason in self.fresh_endings():
            found[row] = RunUpdate(
                self.run_ids[row],
                stopped_epoch=None if reason == "completed" else epoch,
                stop_reason=reason,
            )
        if scores:
            for row, metrics in self._summary.changed().items():
                update = found.get(row, RunUpdate(self.run_ids[row]))
                seconds = round(float(self._seconds[row]), 6)
                found[row] = replace(update, metrics=metrics, seconds=seconds)
        return list(found.values())

    def progress(self) -> int:
        """Run-epochs behind the cohort; a run that ended has none before it."""
        at = self._at.copy()
        at[list(self.endings)] = self._epochs
        return int(at.sum())

    def settle(self, *, scores: bool) -> None:
        """What was fresh is recorded now."""
        self._fresh_epochs = []
        self._fresh_rows = set()
        if scores:
            self._summary.settle()

    def _absorb(self, data: Json, rows: list[int]) -> None:
        epoch, metrics = data["epoch"], data["metrics"]
        self._summary.add(epoch, rows, metrics, data["nonfinite"])
        # A run's share of the time that its cohort took since the last logged epoch.
        share = metrics["epoch_s"][0] * (epoch - self.epoch) / len(rows)
        self._seconds[rows] += share
        self._at[rows] = epoch
        self.epoch = epoch

    def _end(self, row: int, epoch: int, reason: str) -> None:
        self.endings[row] = epoch, reason
