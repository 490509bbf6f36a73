"""Where a cohort goes that its worker lets go of. The caller holds the cohort's lock."""

from __future__ import annotations

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from core.store import outbox, runs
from core.store.columns import instant
from core.store.models import Cohort, Job
from core.store.progress import lock, note, settle
from core.store.states import Reason, Status, Wanted, problem


def fail(
    session: Session, cohort: Cohort, reason: Reason, detail: str, attempts_max: int
) -> Status:
    """End an attempt: queued again while attempts are left, else failed with its open runs."""
    job = lock(session, cohort.job_id)
    say(session, cohort, job, "attempt_failed", f"{reason}: {detail}")
    if cohort.attempts < attempts_max or job.wanted == "cancel":
        return give_back(session, cohort, job, attempts=cohort.attempts)
    error = problem(reason, detail)
    runs.set_open(session, "failed", cohort_id=cohort.id, error=error)
    end(session, cohort, "failed", error=error)
    settle(session, job)
    return "failed"


def give_back(session: Session, cohort: Cohort, job: Job, *, attempts: int) -> Status:
    """Where a cohort goes that is no longer held follows from what the job wants."""
    places: dict[Wanted, Status] = {"run": "queued", "pause": "paused", "cancel": "cancelled"}
    status = places[job.wanted]
    if status == "cancelled":
        runs.set_open(session, "cancelled", cohort_id=cohort.id)
        end(session, cohort, "cancelled")
    else:
        runs.set_open(session, "queued", cohort_id=cohort.id)
        change(session, cohort, status=status, attempts=attempts, worker_id=None, lease_until=None)
    if status == "queued":
        outbox.append(session, "claim", job.id, job.device)
    settle(session, job)
    return status


def end(session: Session, cohort: Cohort, status: Status, **columns: Any) -> None:
    """Make a cohort final; its runs are the caller's to end."""
    change(session, cohort, status=status, finished_at=instant(), lease_until=None, **columns)


def change(session: Session, cohort: Cohort, **columns: Any) -> None:  # Any: column values
    """Change columns of a locked cohort."""
    session.execute(
        update(Cohort)
        .where(Cohort.id == cohort.id)
        .values(**columns)
        .execution_options(synchronize_session=False)
    )
    session.refresh(cohort)


def say(session: Session, cohort: Cohort, job: Job, event: str, message: str) -> None:
    """Tell in the job's events what happened to a cohort. Locks the job."""
    note(session, job, event, f"Cohort {cohort.ordinal}: {message}.", cohort_id=cohort.id)
