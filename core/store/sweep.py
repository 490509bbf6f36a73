"""The periodic sweep: what no request and no worker does by itself. Any worker may run it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Exists, exists, false, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.store import cohorts, idempotency, outbox, workers
from core.store.control import sweep_deadlines
from core.store.models import Cohort, Event, Job
from core.store.progress import lock, note
from core.store.states import Status

OUTBOX_KEPT_S = 60.0  # what the relay did not pay by then, the next sweep rings for again
WORKERS_KEPT_S = 3600.0  # how long a lost worker stays listed
WORKER_ALIVE_S = 60.0  # a dozen sweeps, each of which says that its worker is alive
NO_WORKER = "no_worker"  # the event of a job whose device nobody serves
TOLD_AT_ONCE = 20  # jobs; a sweep is one transaction, and the next one goes on


@dataclass(frozen=True)
class Swept:
    """What was done: cohorts freed of a lost lease and where they went, jobs past a deadline."""

    freed: tuple[tuple[str, Status], ...]
    overdue: tuple[str, ...]


def sweep(
    session: Session,
    *,
    attempts_max: int,
    rings: bool,
    idempotency_ttl_s: float = idempotency.TTL_S,
) -> Swept:
    """Free what was lost, fail what is late, forget what is old, ring for what waits."""
    freed = cohorts.sweep_expired(session, attempts_max=attempts_max)
    overdue = sweep_deadlines(session)
    outbox.prune(session, OUTBOX_KEPT_S)
    idempotency.prune(session, ttl_s=idempotency_ttl_s)
    workers.prune(session, WORKERS_KEPT_S)
    served = workers.served(session, WORKER_ALIVE_S)
    if rings:
        _ring_again(session, served)
    _say_why(session, served)
    return Swept(tuple(freed), tuple(overdue))


def _ring_again(session: Session, served: Collection[str]) -> None:
    """One wake-up for each device class that has work and a worker; a lost one costs one sweep.

    For the others nobody would take it off the broker, and they would pile up.
    """
    waiting = (
        select(Cohort.device, Cohort.job_id)
        .where(Cohort.status == "queued", Cohort.device.in_(served))
        .order_by(Cohort.rank, Cohort.job_id)
        .limit(100)
    )
    first: dict[str, str] = {}
    for device, job_id in session.execute(waiting):
        first.setdefault(device, job_id)
    for device, job_id in first.items():
        outbox.append(session, "claim", job_id, device)
    unplanned = session.scalars(
        select(Job.id)
        .where(Job.planned == false(), Job.wanted == "run", Job.status == "queued")
        .order_by(Job.rank, Job.id)
        .limit(1)
    ).first()
    if unplanned is not None:
        outbox.append(session, "plan", unplanned)


def _say_why(session: Session, served: Collection[str]) -> None:
    """Tell each job once, in its events, when no worker serves the device that it waits for."""
    stuck = (
        select(Job.id)
        .where(Job.status == "queued", Job.wanted == "run", Job.planned, Job.device.not_in(served))
        .where(~_told(Job.id))
        .order_by(Job.id)
        .limit(TOLD_AT_ONCE)
    )
    for job_id in session.scalars(stuck).all():
        job = lock(session, job_id)
        if not session.scalar(select(_told(job_id))):  # another worker may sweep as well
            message = f"No worker serves {job.device}; the job waits until one is started."
            note(session, job, NO_WORKER, message)


def _told(job_id: str | InstrumentedAttribute[str]) -> Exists:
    said = Event.data.startswith(f'{{"event":"{NO_WORKER}"', autoescape=True)
    return exists().where(Event.job_id == job_id, Event.type == "event", said)
