"""Cohorts: planned, claimed under a lease, given back, ended.

A claim is one conditional UPDATE that raises the fence. Whoever lost its lease to another finds
its fence stale: every function here that takes one raises StaleFence, having written nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Literal

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session

from core.store import bells, outbox, runs
from core.store.columns import instant
from core.store.counts import by_status
from core.store.fencing import StaleFence, hold
from core.store.handback import change, end, fail, give_back, say
from core.store.ids import new_id
from core.store.models import Cohort, Job, Run
from core.store.progress import become, lock, note, settle, touch
from core.store.states import Reason, Status, Wanted, is_final

__all__ = [
    "ClaimedCohort",
    "NewCohort",
    "StaleFence",
    "advance",
    "claim_next",
    "count_by_status",
    "fail_attempt",
    "finish",
    "heartbeat",
    "hold",
    "insert_planned",
    "lost",
    "release",
    "sweep_expired",
    "waits",
    "wanted",
]

_CORE = {"synchronize_session": False}


@dataclass(frozen=True)
class NewCohort:
    """A cohort to be: its runs in row order, the epochs each is to train, and what it costs."""

    run_ids: Sequence[str]
    epochs: int
    parameters: int = 0  # of one run
    memory_bytes: int = 0  # planned peak of the whole cohort


@dataclass(frozen=True)
class ClaimedCohort:
    """What a worker holds until its lease ends: name `id` and `fence` in every write."""

    id: str
    job_id: str
    ordinal: int
    fence: int
    attempt: int  # 1 for the first
    device: str  # the class asked for: auto, cpu, cuda
    rows: int
    epochs: int
    parameters: int
    memory_bytes: int
    deadline_at: datetime | None
    document: Mapping[str, Any]
    facts: Mapping[str, Any]


def insert_planned(session: Session, job_id: str, cohorts: Sequence[NewCohort]) -> list[str]:
    """Store a job's cohorts and owe their wake-up; returns their ids in order.

    Writes nothing and returns [] when the job was planned already, is final or is to be
    cancelled. Of a job to be paused, the cohorts wait as paused.
    """
    job = lock(session, job_id)
    if job.planned or is_final(job.status) or job.wanted == "cancel":
        return []
    status: Status = "paused" if job.wanted == "pause" else "queued"
    ids = [new_id("coh") for _ in cohorts]
    rows = [
        {
            "id": ids[i],
            "job_id": job_id,
            "ordinal": i,
            "status": status,
            "rank": job.rank,
            "device": job.device,
            "rows": len(cohort.run_ids),
            "epochs": cohort.epochs,
            "parameters": cohort.parameters,
            "memory_bytes": cohort.memory_bytes,
        }
        for i, cohort in enumerate(cohorts)
    ]
    session.execute(insert(Cohort), rows)
    session.execute(
        update(Run),
        [
            {"id": run_id, "cohort_id": ids[i], "row": row}
            for i, cohort in enumerate(cohorts)
            for row, run_id in enumerate(cohort.run_ids)
        ],
    )
    touch(session, job, planned=True, planner_id=None, planner_until=None)
    note(session, job, "planned", f"{job.runs_total} runs train in {len(ids)} cohorts.")
    outbox.append(session, "claim", job_id, job.device)
    return ids


def waits(session: Session, devices: Sequence[str]) -> bool:
    """Whether a cohort waits for a worker that serves these device classes; only looks."""
    return session.scalar(_first_queued(tuple(devices))) is not None


def claim_next(
    session: Session, worker_id: str, devices: Sequence[str], lease_s: float
) -> ClaimedCohort | None:
    """Hold the first queued cohort for one of these device classes; None when there is none.

    First by priority, then by the job's age, then by its place in the job.
    """
    first = (
        _queued(devices)
        .order_by(Cohort.rank, Cohort.job_id, Cohort.ordinal)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )
    cohort = session.scalars(
        update(Cohort)
        .where(Cohort.id == first.scalar_subquery(), Cohort.status == "queued")
        .values(
            status="running",
            fence=Cohort.fence + 1,
            attempts=Cohort.attempts + 1,
            worker_id=worker_id,
            lease_until=instant(lease_s),
            started_at=func.coalesce(Cohort.started_at, instant()),
        )
        .returning(Cohort)
        .execution_options(populate_existing=True, **_CORE)
    ).one_or_none()
    if cohort is None:
        return None
    job = lock(session, cohort.job_id)
    if job.wanted != "run":  # asked between the planner's commit and this claim
        give_back(session, cohort, job, attempts=cohort.attempts - 1)
        return None
    runs.set_open(session, "running", cohort_id=cohort.id)
    become(session, job, "running")
    say(session, cohort, job, "cohort_started", f"attempt {cohort.attempts} on {worker_id}")
    return _claimed(cohort, job)


def heartbeat(session: Session, cohort_id: str, fence: int, lease_s: float) -> Wanted | None:
    """Prolong the lease; returns what the job wants of its holder, None when it was lost."""
    job_id = session.scalars(
        update(Cohort)
        .where(Cohort.id == cohort_id, Cohort.fence == fence, Cohort.status == "running")
        .values(lease_until=instant(lease_s))
        .returning(Cohort.job_id)
        .execution_options(**_CORE)
    ).one_or_none()
    if job_id is None:
        return None
    return session.scalars(select(Job.wanted).where(Job.id == job_id)).one()


def wanted(session: Session, cohort_id: str, fence: int) -> Wanted | None:
    """What the job wants of the cohort's holder, None when it was lost; only looks."""
    held = select(Job.wanted).join(Cohort, Cohort.job_id == Job.id)
    mine = held.where(Cohort.id == cohort_id, Cohort.fence == fence, Cohort.status == "running")
    return session.scalars(mine).one_or_none()


def advance(session: Session, cohort_id: str, fence: int, epochs_done: int) -> None:
    """Say how many run-epochs (rows * epochs at most) are behind the cohort; never counts back.

    So a cohort that resumes from an older checkpoint does not count an epoch twice.
    """
    cohort = hold(session, cohort_id, fence)
    gained = min(epochs_done, cohort.rows * cohort.epochs) - cohort.epochs_done
    if gained <= 0:
        return
    bells.owe(session, "news")
    change(session, cohort, epochs_done=cohort.epochs_done + gained)
    session.execute(
        update(Job)
        .where(Job.id == cohort.job_id)
        .values(epochs_done=Job.epochs_done + gained, version=Job.version + 1)
        .execution_options(**_CORE)
    )


def release(session: Session, cohort_id: str, fence: int, message: str = "released") -> Status:
    """Give a cohort back unharmed, to pause or because the worker stops; the attempt is not
    counted. Returns where it waits now: queued, paused, or cancelled when that was asked.
    """
    cohort = hold(session, cohort_id, fence)
    job = lock(session, cohort.job_id)
    say(session, cohort, job, "cohort_released", message)
    return give_back(session, cohort, job, attempts=cohort.attempts - 1)


def fail_attempt(
    session: Session,
    cohort_id: str,
    fence: int,
    reason: Reason,
    detail: str,
    *,
    attempts_max: int = 3,
    retry: bool = True,
) -> Status:
    """End an attempt: queued again while attempts are left and `retry`, else failed for good."""
    cohort = hold(session, cohort_id, fence)
    return fail(session, cohort, reason, detail, attempts_max if retry else 0)


def finish(
    session: Session,
    cohort_id: str,
    fence: int,
    status: Literal["succeeded", "cancelled"] = "succeeded",
) -> Job:
    """End a held cohort and its open runs, and the job when this was its last. Returns the job.

    Record each run's scores and status before, in the same transaction.
    """
    cohort = hold(session, cohort_id, fence)
    if status == "succeeded":
        advance(session, cohort_id, fence, cohort.rows * cohort.epochs)
    runs.set_open(session, status, cohort_id=cohort_id)
    end(session, cohort, status)
    job = lock(session, cohort.job_id)
    say(session, cohort, job, "cohort_finished", status)
    return settle(session, job)


def lost() -> Select[Cohort]:
    """The cohorts whose lease ran out."""
    return select(Cohort).where(Cohort.status == "running", Cohort.lease_until < instant())


def sweep_expired(session: Session, *, attempts_max: int = 3) -> list[tuple[str, Status]]:
    """Free every cohort whose lease ran out; returns (id, where it is now).

    Queued again, where its attempts are not used up; else failed as `worker_lost`.
    """
    expired = session.scalars(
        lost()
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    ).all()
    in_order = sorted(expired, key=lambda cohort: (cohort.job_id, cohort.id))  # of locking jobs
    return [(cohort.id, _lose(session, cohort, attempts_max)) for cohort in in_order]


def count_by_status(session: Session) -> dict[Status, int]:
    """How many cohorts have each status, for gauges."""
    return by_status(session, Cohort.status)


@cache  # workers at rest ask for ever
def _first_queued(devices: tuple[str, ...]) -> Select[str]:
    return _queued(devices).limit(1)


def _queued(devices: Sequence[str]) -> Select[str]:
    return select(Cohort.id).where(Cohort.status == "queued", Cohort.device.in_(devices))


def _lose(session: Session, cohort: Cohort, attempts_max: int) -> Status:
    detail = f"Worker {cohort.worker_id} stopped answering in attempt {cohort.attempts}."
    return fail(session, cohort, "worker_lost", detail, attempts_max)


def _claimed(cohort: Cohort, job: Job) -> ClaimedCohort:
    return ClaimedCohort(
        id=cohort.id,
        job_id=job.id,
        ordinal=cohort.ordinal,
        fence=cohort.fence,
        attempt=cohort.attempts,
        device=cohort.device,
        rows=cohort.rows,
        epochs=cohort.epochs,
        parameters=cohort.parameters,
        memory_bytes=cohort.memory_bytes,
        deadline_at=job.deadline_at,
        document=job.document,
        facts=job.facts,
    )
