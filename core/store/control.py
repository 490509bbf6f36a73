"""What one may ask of a job: cancel, pause, resume, fail; and deadlines, which ask by themselves.

A verb first locks the cohorts that nobody holds, then the job: the order that workers keep too.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from core.errors import Conflict
from core.store import outbox, runs
from core.store.columns import instant
from core.store.models import Cohort, Job
from core.store.progress import become, lock, note, settle, touch
from core.store.states import FINAL, WAITING, Reason, Status, is_final, problem

_CORE = {"synchronize_session": False}


def request_cancel(session: Session, job_id: str) -> Job:
    """Stop what waits at once and ask the holders of what runs to stop. Raises Conflict if final.

    Cancelling twice is once.
    """
    _move_waiting(session, job_id, "cancelled")
    job = _lock_open(session, job_id, "cancelled")
    if job.wanted != "cancel":
        touch(session, job, wanted="cancel")
        note(session, job, "cancel_requested", "A client asked to cancel the job.")
    return _cancel_rest(session, job)


def request_pause(session: Session, job_id: str) -> Job:
    """Hold back what waits; what runs is checkpointed and released, then the job is paused.

    Raises Conflict if final or being cancelled. Pausing twice is once.
    """
    _move_waiting(session, job_id, "paused")
    job = _lock_open(session, job_id, "paused")
    if job.wanted == "cancel":
        raise Conflict(f"Job {job_id!r} is being cancelled and cannot be paused.")
    if job.wanted != "pause":
        touch(session, job, wanted="pause")
        note(session, job, "pause_requested", "A client asked to pause the job.")
    if not job.planned:
        return become(session, job, "paused")
    return settle(session, job)


def request_resume(session: Session, job_id: str) -> Job:
    """Let a paused job go on. Raises Conflict if final or being cancelled."""
    _move_waiting(session, job_id, "queued")
    job = _lock_open(session, job_id, "resumed")
    if job.wanted == "cancel":
        raise Conflict(f"Job {job_id!r} is being cancelled and cannot be resumed.")
    if job.wanted == "pause":
        touch(session, job, wanted="run")
        note(session, job, "resume_requested", "A client asked to resume the job.")
        outbox.append(session, "claim" if job.planned else "plan", job_id, job.device)
    if job.status == "paused":
        return become(session, job, "queued")
    return job


def finish_job(session: Session, job_id: str) -> Job:
    """Settle a job whose cohorts may all be final; `core.store.progress.settle` says how."""
    return settle(session, lock(session, job_id))


def fail_job(session: Session, job_id: str, reason: Reason, detail: str) -> Job:
    """Fail a job as a whole, with a named reason; what runs is asked to stop. No-op if final."""
    _move_waiting(session, job_id, "cancelled")
    job = lock(session, job_id)
    if is_final(job.status):
        return job
    touch(session, job, wanted="cancel", error=problem(reason, detail))
    return _cancel_rest(session, job)


def overdue() -> Select[str]:
    """The jobs whose deadline has passed and that nobody has told so."""
    return select(Job.id).where(
        Job.deadline_at < instant(), Job.status.not_in(FINAL), Job.wanted != "cancel"
    )


def sweep_deadlines(session: Session) -> list[str]:
    """Fail every job whose deadline has passed; returns their ids."""
    ids = list(session.scalars(overdue().order_by(Job.id)))
    for job_id in ids:
        fail_job(session, job_id, "deadline", "The job's deadline_s passed before it was done.")
    return ids


def _move_waiting(session: Session, job_id: str, status: Status) -> None:
    """Move the cohorts that nobody holds. A cohort being claimed meanwhile counts as held."""
    waiting = select(Cohort.id).where(Cohort.job_id == job_id, Cohort.status.in_(WAITING))
    ids = session.scalars(waiting.order_by(Cohort.id).with_for_update(key_share=True)).all()
    values: dict[str, Any] = {"status": status}
    if is_final(status):
        values["finished_at"] = instant()
    for cohort_id in ids:
        session.execute(
            update(Cohort).where(Cohort.id == cohort_id).values(**values).execution_options(**_CORE)
        )
        if is_final(status):
            runs.set_open(session, status, cohort_id=cohort_id)


def _lock_open(session: Session, job_id: str, verb: str) -> Job:
    job = lock(session, job_id)
    if is_final(job.status):
        raise Conflict(f"Job {job_id!r} is {job.status}, which is final; it cannot be {verb}.")
    return job


def _cancel_rest(session: Session, job: Job) -> Job:
    """A job that was never cut into cohorts ends here; else it ends when its cohorts have."""
    if job.planned:
        return settle(session, job)
    status: Status = "cancelled" if job.error is None else "failed"
    runs.set_open(session, status, job_id=job.id)
    done = sum(runs.count_by_status(session, job.id).values())
    return become(session, job, status, runs_done=done)
