"""Jobs: stored, found, handed out for planning, deleted. What one asks of them is in `control`."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, delete, false, insert, or_, select, tuple_, update
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from core.store import bells, events, outbox
from core.store.columns import instant
from core.store.control import (
    fail_job,
    finish_job,
    request_cancel,
    request_pause,
    request_resume,
    sweep_deadlines,
)
from core.store.counts import by_status
from core.store.ids import new_id
from core.store.models import Checkpoint, Cohort, Dataset, Job, Run
from core.store.progress import lock
from core.store.states import Status

__all__ = [
    "NewRun",
    "claim_planning",
    "count_by_status",
    "delete_job",
    "fail_job",
    "finish_job",
    "get_job",
    "get_versions",
    "insert_job",
    "list_jobs",
    "request_cancel",
    "request_pause",
    "request_resume",
    "sweep_deadlines",
    "waits",
]

PRIORITY_MAX = 9  # goes first

_CORE = {"synchronize_session": False}


@dataclass(frozen=True)
class NewRun:
    """One run of a job to be: `setting` maps pointers to numbers, `epochs` is its most."""

    arm: str
    setting: Mapping[str, float]
    seed: int
    epochs: int
    repeat: int = 0
    fold: int | None = None
    inner_fold: int | None = None


def insert_job(
    session: Session,
    document: Mapping[str, Any],
    new_runs: Sequence[NewRun],
    *,
    facts: Mapping[str, Any],
    dataset_id: str | None = None,
) -> Job:
    """Store a resolved document as a queued job with its runs and the wake-up that it is owed.

    `name`, `priority`, `device` and `deadline_s` (from now) are read from the document; `facts`
    are the DatasetFacts as JSON; `dataset_id` names the upload that is in use from now on. Raises
    NotFound when that was deleted meanwhile.
    """
    if dataset_id is not None:
        _hold_dataset(session, dataset_id)
    deadline_s = document.get("deadline_s")
    job = Job(
        id=new_id("job"),
        name=document.get("name"),
        rank=PRIORITY_MAX - document.get("priority", 5),
        device=document.get("device", "auto"),
        dataset_id=dataset_id,
        deadline_at=None if deadline_s is None else instant(deadline_s),
        runs_total=len(new_runs),
        epochs_total=sum(run.epochs for run in new_runs),
        facts=dict(facts),
        document=dict(document),
    )
    session.add(job)
    session.flush()
    session.execute(insert(Run), [_run_row(job.id, i, run) for i, run in enumerate(new_runs)])
    outbox.append(session, "plan", job.id)
    events.append(session, job.id, "status", {"status": "queued"})
    session.refresh(job)
    return job


def get_job(session: Session, job_id: str) -> Job:
    """The job. Raises NotFound."""
    job = session.get(Job, job_id)
    if job is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return job


def list_jobs(
    session: Session,
    *,
    status: Status | None = None,
    name: str | None = None,
    limit: int = 100,
    after: tuple[datetime, str] | None = None,
) -> Sequence[Job]:
    """Jobs, newest first; `after` is the (created_at, id) of the last one already seen."""
    query = select(Job)
    if status is not None:
        query = query.where(Job.status == status)
    if name is not None:
        query = query.where(Job.name == name)
    if after is not None:
        query = query.where(tuple_(Job.created_at, Job.id) < after)
    newest = query.order_by(Job.created_at.desc(), Job.id.desc())
    return session.scalars(newest.limit(limit)).all()


def count_by_status(session: Session) -> dict[Status, int]:
    """How many jobs have each status."""
    return by_status(session, Job.status)


def get_versions(
    session: Session, job_ids: Collection[str]
) -> Sequence[Row[str, Status, int, int]]:
    """(id, status, version, last_seq) of those of the jobs that there are: cheap to ask often."""
    columns = select(Job.id, Job.status, Job.version, Job.last_seq)
    return session.execute(columns.where(Job.id.in_(job_ids))).all()


def waits(session: Session) -> bool:
    """Whether a job waits for somebody to plan it; only looks."""
    return session.scalar(_first_unplanned()) is not None


def claim_planning(
    session: Session, worker_id: str, lease_s: float, *, attempts_max: int = 3
) -> Job | None:
    """Hand out the first job that nobody plans, for `lease_s`; None when there is none.

    The planner ends with `cohorts.insert_planned` or `fail_job`. A job whose planners were all
    lost, `attempts_max` of them, is failed here.
    """
    first = (
        _unplanned()
        .order_by(Job.rank, Job.id)
        .limit(1)
        .with_for_update(key_share=True, skip_locked=True)
    )
    job = session.scalars(
        update(Job)
        .where(Job.id == first.scalar_subquery())
        .values(
            planner_id=worker_id,
            planner_until=instant(lease_s),
            planner_attempts=Job.planner_attempts + 1,
        )
        .returning(Job)
        .execution_options(populate_existing=True, **_CORE)
    ).one_or_none()
    if job is None or job.planner_attempts <= attempts_max:
        return job
    fail_job(session, job.id, "worker_lost", f"{attempts_max} workers were lost planning it.")
    return None


def delete_job(session: Session, job_id: str) -> list[str]:
    """Delete a job and all that is below it; returns the artifact keys to remove after commit.

    Raises Conflict while it runs, NotFound when there is none.
    """
    _lock_cohorts(session, job_id)
    job = lock(session, job_id)
    if job.status == "running":
        raise Conflict(f"Job {job_id!r} is running; cancel it and wait before deleting it.")
    keys = session.scalars(
        select(Checkpoint.key)
        .join(Cohort, Cohort.id == Checkpoint.cohort_id)
        .where(Cohort.job_id == job_id)
    ).all()
    bells.owe(session, "news")
    session.execute(delete(Job).where(Job.id == job_id).execution_options(**_CORE))
    session.expunge(job)
    return list(keys)


@cache  # workers at rest ask for ever
def _first_unplanned() -> Select[str]:
    return _unplanned().limit(1)


def _unplanned() -> Select[str]:
    """The jobs that are to be planned and that nobody plans."""
    free = or_(Job.planner_until.is_(None), Job.planner_until < instant())
    return select(Job.id).where(
        Job.planned == false(), Job.wanted == "run", Job.status == "queued", free
    )


def _hold_dataset(session: Session, dataset_id: str) -> None:
    """Keep an upload from being deleted until the job that uses it is committed."""
    shared = {"read": True, "key_share": True}
    if session.get(Dataset, dataset_id, with_for_update=shared) is None:
        raise NotFound(f"There is no dataset {dataset_id!r}.")


def _run_row(job_id: str, ordinal: int, run: NewRun) -> dict[str, Any]:
    return {
        "id": new_id("run"),
        "job_id": job_id,
        "ordinal": ordinal,
        "arm": run.arm,
        "setting": dict(run.setting),
        "seed": run.seed,
        "repeat": run.repeat,
        "fold": run.fold,
        "inner_fold": run.inner_fold,
        "epochs": run.epochs,
        "status": "queued",
    }


def _lock_cohorts(session: Session, job_id: str) -> list[str]:
    query = select(Cohort.id).where(Cohort.job_id == job_id).order_by(Cohort.id)
    return list(session.scalars(query.with_for_update(key_share=True)))
