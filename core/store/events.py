"""Events of a job, numbered 1, 2, 3, … in the order of commit, without gaps.

The number is taken under the job row's lock, so a reader that asks for `seq > n` misses nothing.
Metrics are columnar, one row per cohort and logged epoch, written exactly once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from math import ceil
from typing import Any, Literal

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.store import bells
from core.store.columns import dumps
from core.store.fencing import hold
from core.store.models import Event, Job

EventType = Literal["metrics", "event", "status"]

_AT_ONCE = 200  # rows fetched by one statement: each may hold thousands of values


def append(
    session: Session,
    job_id: str,
    type: EventType,
    data: Mapping[str, Any],
    *,
    cohort_id: str | None = None,
    fence: int | None = None,
    epoch: int | None = None,
    run_id: str | None = None,
) -> int | None:
    """Add one event and return its number; None when this cohort's epoch is already written.

    A trainer's event names its cohort and `fence`; `epoch` (of training) makes it exactly once.
    Raises StaleFence when the cohort was lost, NotFound when the job is gone, ValueError when
    `data` holds a not-a-number (its kind belongs beside a null).
    """
    text = dumps(data)
    if fence is not None:
        assert cohort_id is not None, "a fence belongs to a cohort"
        hold(session, cohort_id, fence)
    if epoch is not None:
        assert fence is not None, "only the holder of a cohort writes its epochs"
        if _written(session, cohort_id, type, epoch):
            return None
    seq = _take_numbers(session, job_id, 1)
    session.execute(
        insert(Event).values(
            job_id=job_id,
            seq=seq,
            type=type,
            cohort_id=cohort_id,
            epoch=epoch,
            run_id=run_id,
            data=text,
        )
    )
    return seq


def append_epochs(
    session: Session,
    job_id: str,
    cohort_id: str,
    fence: int,
    epochs: Sequence[tuple[int, Mapping[str, Any]]],
) -> None:
    """Add the metrics of several epochs of a cohort at once, in order; written ones are skipped.

    Raises as `append` does.
    """
    hold(session, cohort_id, fence)
    numbers = [epoch for epoch, _ in epochs]
    found = select(Event.epoch).where(
        Event.cohort_id == cohort_id, Event.type == "metrics", Event.epoch.in_(numbers)
    )
    written = set(session.scalars(found))
    fresh = [(epoch, dumps(data)) for epoch, data in epochs if epoch not in written]
    if not fresh:
        return
    last = _take_numbers(session, job_id, len(fresh))
    rows = [
        {
            "job_id": job_id,
            "seq": last - len(fresh) + i,
            "type": "metrics",
            "cohort_id": cohort_id,
            "epoch": epoch,
            "data": text,
        }
        for i, (epoch, text) in enumerate(fresh, 1)
    ]
    session.execute(insert(Event), rows)


def read_after(
    session: Session,
    job_id: str,
    seq: int = 0,
    *,
    limit: int = 100,
    types: Collection[EventType] | None = None,
    cohort_ids: Collection[str] | None = None,
) -> Sequence[Event]:
    """Events numbered above `seq`, oldest first; None means every type, every cohort."""
    query = select(Event).where(Event.job_id == job_id, Event.seq > seq)
    if types is not None:
        query = query.where(Event.type.in_(types))
    if cohort_ids is not None:
        query = query.where(Event.cohort_id.in_(cohort_ids))
    return session.scalars(query.order_by(Event.seq).limit(limit)).all()


def read_spread(
    session: Session, job_id: str, cohort_ids: Collection[str], *, rows_max: int
) -> Iterator[Event]:
    """The metrics rows of these cohorts, in order, at most about `rows_max` of each: every n-th,
    and the last. Cohorts logged at the same epochs keep the same ones. The others' data are not
    read.
    """
    query = select(Event.cohort_id, Event.seq).where(
        Event.job_id == job_id, Event.type == "metrics", Event.cohort_id.in_(cohort_ids)
    )
    seqs: dict[str | None, list[int]] = {}
    for cohort_id, seq in session.execute(query.order_by(Event.seq)):
        seqs.setdefault(cohort_id, []).append(seq)
    step = ceil(max(map(len, seqs.values()), default=0) / rows_max)
    wanted = sorted({seq for found in seqs.values() for seq in (*found[::step], found[-1])})
    for i in range(0, len(wanted), _AT_ONCE):
        part = Event.seq.in_(wanted[i : i + _AT_ONCE])
        rows = select(Event).where(Event.job_id == job_id, part).order_by(Event.seq)
        yield from session.scalars(rows)


def _take_numbers(session: Session, job_id: str, count: int) -> int:
    """The last of the next `count` numbers. Locks the job."""
    bells.owe(session, "news")
    last = session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(last_seq=Job.last_seq + count, version=Job.version + 1)
        .returning(Job.last_seq)
        .execution_options(synchronize_session=False)
    ).scalar_one_or_none()
    if last is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return last


def _written(session: Session, cohort_id: str | None, type: EventType, epoch: int) -> bool:
    found = select(Event.seq).where(
        Event.cohort_id == cohort_id, Event.type == type, Event.epoch == epoch
    )
    return session.execute(found).first() is not None
