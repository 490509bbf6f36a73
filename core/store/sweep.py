"""The periodic sweep: what no request and no worker does by itself. Any worker may run it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import false, select
from sqlalchemy.orm import Session

from core.store import cohorts, idempotency, outbox, workers
from core.store.control import sweep_deadlines
from core.store.models import Cohort, Job
from core.store.states import Status

OUTBOX_KEPT_S = 60.0  # what the relay did not pay by then, the next sweep rings for again
WORKERS_KEPT_S = 3600.0  # how long a lost worker stays listed


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
    if rings:
        _ring_again(session)
    return Swept(tuple(freed), tuple(overdue))


def _ring_again(session: Session) -> None:
    """One wake-up for each device class that has work; a lost message costs one sweep."""
    waiting = (
        select(Cohort.device, Cohort.job_id)
        .where(Cohort.status == "queued")
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
