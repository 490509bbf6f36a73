"""How a job's status follows its cohorts: the only code that changes `jobs.status`.

Lock order: whoever locks cohorts does so before coming here, since here the job is locked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.store import bells, events, runs
from core.store.columns import instant
from core.store.counts import by_status
from core.store.models import Cohort, Job
from core.store.states import FINAL, Status, is_final, problem

_CORE = {"synchronize_session": False}  # rows in the session are refreshed, not guessed


def lock(session: Session, job_id: str) -> Job:
    """The job's row as it is now, locked until the transaction ends. Raises NotFound."""
    # NO KEY UPDATE: a second UPDATE of a row in one transaction checks its foreign keys again,
    # which takes KEY SHARE on the job; two that did so would wait for each other's FOR UPDATE.
    job = session.get(Job, job_id, with_for_update={"key_share": True}, populate_existing=True)
    if job is None:
        raise NotFound(f"There is no job {job_id!r}.")
    return job


def touch(session: Session, job: Job, **columns: Any) -> Job:  # Any: column values
    """Change columns of a locked job and raise its version, so that its ETag changes."""
    bells.owe(session, "news")
    session.execute(
        update(Job)
        .where(Job.id == job.id)
        .values(version=Job.version + 1, **columns)
        .execution_options(**_CORE)
    )
    session.refresh(job)
    return job


def become(session: Session, job: Job, status: Status, **columns: Any) -> Job:
    """Move a locked job to a status and say so in its events; staying put says nothing."""
    assert not is_final(job.status), f"{job.id} is {job.status}, which is final"
    if job.status == status:
        return job
    if status == "running" and job.started_at is None:
        columns["started_at"] = instant()
    if is_final(status):
        columns["finished_at"] = instant()
    touch(session, job, status=status, **columns)
    said: dict[str, Any] = {"status": status}
    if job.error is not None:
        said["error"] = job.error
    events.append(session, job.id, "status", said)
    session.refresh(job)
    return job


def note(
    session: Session, job: Job, event: str, message: str, *, cohort_id: str | None = None
) -> None:
    """Tell in a locked job's events what happened, in a word and in a sentence."""
    events.append(
        session, job.id, "event", {"event": event, "message": message}, cohort_id=cohort_id
    )
    session.refresh(job)


def settle(session: Session, job: Job) -> Job:
    """Let a locked job's counters and status follow from its cohorts, when they say so.

    Final when all its cohorts are: failed if one failed or a deadline passed, cancelled if one
    was cancelled, succeeded if a run succeeded, else failed because every run diverged.
    """
    done = sum(n for s, n in runs.count_by_status(session, job.id).items() if is_final(s))
    if done != job.runs_done:
        touch(session, job, runs_done=done)
    if is_final(job.status):
        return job
    counts = by_status(session, Cohort.status, Cohort.job_id == job.id)
    if counts and not set(counts) - set(FINAL):
        status, error = _outcome(session, job, counts)
        return become(session, job, status, error=error)
    if counts.get("paused") and not counts.get("running") and job.wanted == "pause":
        return become(session, job, "paused")
    return job


def _outcome(
    session: Session, job: Job, counts: Mapping[Status, int]
) -> tuple[Status, dict[str, Any] | None]:
    if job.error is not None:
        return "failed", job.error
    if counts.get("failed"):
        first = session.scalars(
            select(Cohort.error)
            .where(Cohort.job_id == job.id, Cohort.status == "failed")
            .order_by(Cohort.ordinal)
            .limit(1)
        ).one()
        return "failed", first
    if counts.get("cancelled"):
        return "cancelled", None
    if runs.count_by_status(session, job.id).get("succeeded"):
        return "succeeded", None
    return "failed", problem(
        "diverged",
        f"None of the {job.runs_total} runs stayed finite; lower the learning rate or lambda.",
    )
