"""Workers: who was seen, and when."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, delete, select
from sqlalchemy.orm import Session

from core.store.columns import instant
from core.store.models import Worker
from core.store.upsert import insert_into

# What a device is good for. A worker is `auto` until it has looked: it may turn out to be any.
SERVES = {
    "auto": ("auto", "cuda", "cpu"),
    "cpu": ("auto", "cpu"),
    "cuda": ("auto", "cuda", "cpu"),
}


def seen(session: Session, worker_id: str, *, host: str, pid: int, device: str) -> None:
    """Say that a worker is alive; the first time makes its row."""
    statement = insert_into(session, Worker).values(
        id=worker_id, host=host, pid=pid, device=device, started_at=instant(), seen_at=instant()
    )
    session.execute(
        statement.on_conflict_do_update(
            index_elements=["id"], set_={"seen_at": instant(), "pid": pid, "device": device}
        )
    )


def list_alive(session: Session, within_s: float) -> Sequence[Worker]:
    """Workers seen within the last seconds, newest first."""
    query = select(Worker).where(Worker.seen_at >= instant(-within_s))
    return session.scalars(query.order_by(Worker.seen_at.desc())).all()


def served(session: Session, within_s: float) -> frozenset[str]:
    """The device classes that some worker seen within the last seconds trains."""
    alive = list_alive(session, within_s)
    return frozenset(device for worker in alive for device in SERVES[worker.device])


def gone(session: Session, worker_id: str) -> None:
    """Forget a worker that ends in order."""
    session.execute(delete(Worker).where(Worker.id == worker_id))


def old(older_than_s: float) -> Select[str]:
    """The workers that were not seen for so long."""
    return select(Worker.id).where(Worker.seen_at < instant(-older_than_s))


def prune(session: Session, older_than_s: float) -> None:
    """Forget workers that were not seen for so long."""
    session.execute(delete(Worker).where(Worker.seen_at < instant(-older_than_s)))
