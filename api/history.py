"""Reading a job's history: logged values as points, events, and what tails need."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from api.deps import Services
from api.runs import check_arm
from api.schemas.runs import EventEntry, EventPage, MetricPage, MetricPoint
from api.strict_json import shown
from api.tail import Pulse, StoredEvent
from core.datasets import DatasetFacts
from core.errors import InvalidSpec, NotFound
from core.spec.check import metric_names
from core.spec.faults import unknown
from core.store import events, jobs, models, runs
from core.store.events import EventType
from core.store.session import Database
from core.store.states import is_final

PARTS = ("train", "val", "test")
MEASURES = ("objective", "zeros", "weight_norm", "grad_norm", "lr", "epoch_s")
TERM = "term/"  # and the label of a penalty
_ROWS_AT_ONCE = 50  # metrics rows hold every run of a cohort, so a few make many points
_METRICS: tuple[EventType, ...] = ("metrics",)
_NOTES: tuple[EventType, ...] = ("event", "status")
_ROWS_MAX = 5000  # scanned for one page: a filter that matches little answers short pages


@dataclass(frozen=True)
class PointFilter:
    """Which logged values are wanted; None wants all."""

    run: str | None = None
    arm: str | None = None
    name: str | None = None


def metrics_page(
    house: Services, job_id: str, wanted: PointFilter, *, limit: int, after: str | None
) -> MetricPage:
    """Points in the order they were written. The cursor is (event, points of it already sent).

    Raises NotFound, also for a run or an arm that is not the job's, and InvalidSpec for a metric
    that no job of its kind logs.
    """
    scope = f"metrics/{job_id}/{wanted.run}/{wanted.arm}/{wanted.name}"
    seq, offset = (int(i) for i in house.cursors.read(scope, after)) if after else (0, 0)
    with house.database.read() as session:
        job = jobs.get_job(session, job_id)
        reader = reader_of(session, job, wanted)
        points = reader.read(seq, offset, limit)
        more = reader.more
        follow = more or not is_final(job.status)
    cursor = house.cursors.sign(scope, (reader.seq, reader.offset)) if follow else None
    return MetricPage(object="list", data=points, has_more=more, next=cursor)


def events_page(house: Services, job_id: str, *, limit: int, after: str | None) -> EventPage:
    """What happened, oldest first; the logged values are left out. Raises NotFound."""
    scope = f"events/{job_id}"
    seq = int(house.cursors.read(scope, after)[0]) if after else 0
    with house.database.read() as session:
        job = jobs.get_job(session, job_id)
        rows = events.read_after(session, job_id, seq, limit=limit + 1, types=_NOTES)
        kept = rows[:limit]
        more = len(rows) > limit
        follow = more or not is_final(job.status)
        last = kept[-1].seq if kept else seq
        return EventPage(
            data=[_entry(row) for row in kept],
            has_more=more,
            next=house.cursors.sign(scope, (last,)) if follow else None,
        )


class HistorySource:
    """What tails ask of the database (see `api.tail.Source`)."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def pulses(self, job_ids: Collection[str]) -> dict[str, Pulse]:
        """How far each job is; those that are gone are left out."""
        with self.database.read() as session:
            return {
                row.id: Pulse(row.status, row.version, row.last_seq, is_final(row.status))
                for row in jobs.get_versions(session, job_ids)
            }

    def events(self, job_id: str, after: int, limit: int) -> Sequence[StoredEvent]:
        with self.database.read() as session:
            rows = events.read_after(session, job_id, after, limit=limit)
            return [StoredEvent(row.seq, row.type, row.data) for row in rows]


def _entry(row: models.Event) -> EventEntry:
    data = json.loads(row.data)
    return EventEntry(
        seq=row.seq,
        type="status" if row.type == "status" else "event",
        run=row.run_id,
        data=data,
        created_at=row.created_at,
    )


def reader_of(session: Session, job: models.Job, wanted: PointFilter) -> _PointReader:
    """Narrow a filter down to runs and to the cohorts that hold them. Raises as `metrics_page`."""
    job_id = job.id
    check_arm(job, wanted.arm)
    if wanted.name is not None:
        _check_name(session, job, wanted.name)
    if wanted.run is None and wanted.arm is None:
        return _PointReader(session, job_id, wanted.name, None, None)
    if wanted.run is not None:
        found = [runs.get_run(session, wanted.run)]
        if found[0].job_id != job_id:
            raise NotFound(f"Job {job_id!r} has no run {wanted.run!r}.")
        found = [run for run in found if wanted.arm in (None, run.arm)]
    else:
        found = list(runs.of_job(session, job_id, only=runs.RunFilter(arm=wanted.arm), limit=None))
    cohorts = {run.cohort_id for run in found if run.cohort_id is not None}
    return _PointReader(session, job_id, wanted.name, {run.id for run in found}, cohorts)


def _check_name(session: Session, job: models.Job, name: str) -> None:
    """Raises InvalidSpec for a name that is neither logged nor one that the job may still log."""
    metrics = metric_names(DatasetFacts.of(job.facts))
    known = {*(f"{part}_{metric}" for part in PARTS for metric in metrics), *MEASURES}
    if name in known or name.startswith(TERM):
        return
    logged = events.read_after(session, job.id, limit=1, types=_METRICS)
    known |= {logged_name for row in logged for logged_name in json.loads(row.data)["metrics"]}
    if name not in known:
        what = f"a metric of job {job.id!r}"
        sentence = unknown(shown(name), known, what, f"besides {TERM}<regularizer> there are")
        detail = f"Query parameter “name”: {sentence}."
        raise InvalidSpec.at("", detail)


class _PointReader:
    """Unfolds columnar rows into points, from a position on; `seq` and `offset` move along."""

    def __init__(
        self,
        session: Session,
        job_id: str,
        name: str | None,
        run_ids: Collection[str] | None,
        cohort_ids: Collection[str] | None,
    ) -> None:
        self.session, self.job_id, self.name = session, job_id, name
        self.run_ids, self.cohort_ids = run_ids, cohort_ids
        self.seq, self.offset, self.more = 0, 0, False

    def read(self, seq: int, offset: int, limit: int) -> list[MetricPoint]:
        """Up to `limit` points. `offset` counts those of the row at `seq` that are behind us."""
        self.seq, self.offset = seq, offset
        found: list[MetricPoint] = []
        if self.cohort_ids is not None and not self.cohort_ids:
            return found
        before = seq - 1 if offset else seq
        for row in self._rows(before):
            skip = offset if row.seq == seq else 0
            points = list(self._points(json.loads(row.data)))[skip:]
            room = limit - len(found)
            if len(points) > room:
                found += points[:room]
                if room:
                    self.seq, self.offset = row.seq, skip + room
                self.more = True
                return found
            found += points
            self.seq, self.offset = row.seq, 0
        return found

    def _rows(self, after: int) -> Iterator[models.Event]:
        for _ in range(_ROWS_MAX // _ROWS_AT_ONCE):
            rows = events.read_after(
                self.session,
                self.job_id,
                after,
                limit=_ROWS_AT_ONCE,
                types=_METRICS,
                cohort_ids=self.cohort_ids,
            )
            yield from rows
            if len(rows) < _ROWS_AT_ONCE:
                return
            after = rows[-1].seq
        self.more = True

    def _points(self, data: dict[str, Any]) -> Iterator[MetricPoint]:
        kinds = data.get("nonfinite", {})
        for name, values in data["metrics"].items():
            if self.name is not None and name != self.name:
                continue
            odd = kinds.get(name, {})
            for i, (run, value) in enumerate(zip(data["runs"], values, strict=True)):
                if self.run_ids is not None and run not in self.run_ids:
                    continue
                kind = odd.get(str(i))
                if value is None and kind is None:
                    continue  # this run logged nothing here: it had ended
                odd_one = {} if kind is None else {"kind": kind}  # absent beside a number
                yield MetricPoint(run=run, epoch=data["epoch"], name=name, value=value, **odd_one)
