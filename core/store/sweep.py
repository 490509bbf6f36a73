"""The periodic sweep: what no request and no worker does by itself. Any worker may run it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache

from sqlalchemy import Exists, Select, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.store import cohorts, idempotency, outbox, workers
from core.store.control import overdue, sweep_deadlines
from core.store.models import Event, Job
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


def is_due(session: Session, *, idempotency_ttl_s: float = idempotency.TTL_S) -> bool:
    """Whether a sweep would find anything to do; only looks."""
    due, waits = session.execute(_look(idempotency_ttl_s)).one()
    if due or not waits:
        return bool(due)
    served = workers.served(session, WORKER_ALIVE_S)
    return session.scalar(_stuck(served).limit(1)) is not None


def sweep(
    session: Session, *, attempts_max: int, idempotency_ttl_s: float = idempotency.TTL_S
) -> Swept:
    """Free what was lost, fail what is late, forget what is old, say why what waits does."""
    freed = cohorts.sweep_expired(session, attempts_max=attempts_max)
    late = sweep_deadlines(session)
    outbox.prune(session, OUTBOX_KEPT_S)
    idempotency.prune(session, ttl_s=idempotency_ttl_s)
    workers.prune(session, WORKERS_KEPT_S)
    _say_why(session, workers.served(session, WORKER_ALIVE_S))
    return Swept(tuple(freed), tuple(late))


def _say_why(session: Session, served: Collection[str]) -> None:
    """Tell each job once, in its events, when no worker serves the device that it waits for."""
    stuck = _stuck(served).order_by(Job.id).limit(TOLD_AT_ONCE)
    for job_id in session.scalars(stuck).all():
        job = lock(session, job_id)
        if not session.scalar(select(_told(job_id))):  # another worker may sweep as well
            message = f"No worker serves {job.device}; the job waits until one is started."
            note(session, job, NO_WORKER, message)


@cache  # workers at rest ask for ever; to put this together costs more than the answer
def _look(idempotency_ttl_s: float) -> Select[bool, bool]:
    """Whether something is due; whether a job waits that was not told why."""
    looks = (
        cohorts.lost(),
        overdue(),
        outbox.old(OUTBOX_KEPT_S),
        idempotency.old(idempotency_ttl_s),
        workers.old(WORKERS_KEPT_S),
    )
    return select(or_(*(look.exists() for look in looks)), _untold().exists())


def _stuck(served: Collection[str]) -> Select[str]:
    """The jobs that wait for a device that nobody serves, and were not told."""
    return _untold().where(Job.device.not_in(served))


def _untold() -> Select[str]:
    waits = (Job.status == "queued", Job.wanted == "run", Job.planned)
    return select(Job.id).where(*waits, ~_told(Job.id))


def _told(job_id: str | InstrumentedAttribute[str]) -> Exists:
    said = Event.data.startswith(f'{{"event":"{NO_WORKER}"', autoescape=True)
    return exists().where(Event.job_id == job_id, Event.type == "event", said)
