"""The outbox: wake-ups owed to the broker, written with the rows that they are about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from sqlalchemy import Select, delete, insert, select
from sqlalchemy.orm import Session

from core.store import bells
from core.store.columns import instant
from core.store.models import Outbox
from core.store.session import Database

Topic = Literal["plan", "claim"]
Ring = Callable[[str, str, str], None]  # topic, job id, device class


def append(session: Session, topic: Topic, job_id: str, device: str = "auto") -> None:
    """Owe one wake-up; leaves with the transaction, or not at all."""
    bells.owe(session, "work")
    session.execute(insert(Outbox).values(topic=topic, job_id=job_id, device=device))


def relay(database: Database, ring: Ring, *, limit: int = 100) -> int:
    """Pay the oldest wake-ups: ring, then forget. Returns how many; run it in a thread of its own.

    A ring that raises leaves its rows for the next time. A crash in between rings twice, which
    is harmless: the rows are the truth and a wake-up only makes a worker look.
    """
    with database.read() as session:  # not a write: SQLite has one writer, and a broker may hang
        owed = session.execute(
            select(Outbox.id, Outbox.topic, Outbox.job_id, Outbox.device)
            .order_by(Outbox.id)
            .limit(limit)
        ).all()
    if not owed:
        return 0
    for wake_up in owed:
        ring(wake_up.topic, wake_up.job_id, wake_up.device)
    with database.write() as session:
        session.execute(delete(Outbox).where(Outbox.id.in_([wake_up.id for wake_up in owed])))
    return len(owed)


def old(older_than_s: float) -> Select[int]:
    """The wake-ups that nobody paid in time."""
    return select(Outbox.id).where(Outbox.created_at < instant(-older_than_s))


def prune(session: Session, older_than_s: float) -> None:
    """Forget wake-ups that nobody paid in time; workers look for themselves now and then."""
    session.execute(delete(Outbox).where(Outbox.created_at < instant(-older_than_s)))
