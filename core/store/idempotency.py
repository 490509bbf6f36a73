"""Idempotency: one answer per client's key, reserved and kept in the transaction it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from core.errors import InvalidSpec
from core.store.columns import instant
from core.store.models import Idempotency
from core.store.upsert import insert_into

TTL_S = 24 * 3600.0


@dataclass(frozen=True)
class Replay:
    """The answer that was given first."""

    status: int
    body: str
    headers: Mapping[str, str]


def find(session: Session, scope: str, fingerprint: str, *, ttl_s: float = TTL_S) -> Replay | None:
    """The answer that a key got within `ttl_s`, if one is committed; takes and waits for nothing.

    Raises InvalidSpec when the key was used with another body.
    """
    fresh = Idempotency.created_at >= instant(-ttl_s)
    query = select(Idempotency).where(Idempotency.scope == scope, fresh)
    kept = session.scalars(query).one_or_none()
    return None if kept is None else _replay(kept, fingerprint)


def reserve(
    session: Session, scope: str, fingerprint: str, *, ttl_s: float = TTL_S
) -> Replay | None:
    """Take a key for this transaction, or return the answer it got within `ttl_s`.

    None means: go on, and call `keep` before the commit. While another transaction holds the key,
    this waits for it. Raises InvalidSpec when the key was used with another body.
    """
    session.execute(
        delete(Idempotency).where(
            Idempotency.scope == scope, Idempotency.created_at < instant(-ttl_s)
        )
    )
    taken = session.scalars(
        insert_into(session, Idempotency)
        .values(scope=scope, fingerprint=fingerprint, created_at=instant())
        .on_conflict_do_nothing()
        .returning(Idempotency.scope)
    ).one_or_none()
    if taken is not None:
        return None
    kept = session.scalars(select(Idempotency).where(Idempotency.scope == scope)).one()
    return _replay(kept, fingerprint)


def keep(
    session: Session,
    scope: str,
    *,
    status: int,
    body: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Store the answer of a reserved key, to be replayed."""
    session.execute(
        update(Idempotency)
        .where(Idempotency.scope == scope)
        .values(status=status, body=body, headers=dict(headers or {}))
    )


def old(ttl_s: float = TTL_S) -> Select[str]:
    """The answers older than `ttl_s`."""
    return select(Idempotency.scope).where(Idempotency.created_at < instant(-ttl_s))


def prune(session: Session, *, ttl_s: float = TTL_S) -> None:
    """Forget answers older than `ttl_s`."""
    session.execute(delete(Idempotency).where(Idempotency.created_at < instant(-ttl_s)))


def _replay(kept: Idempotency, fingerprint: str) -> Replay:
    if kept.fingerprint != fingerprint:
        raise InvalidSpec("This Idempotency-Key was used with another body; use a new key.")
    assert kept.status is not None, f"{kept.scope} was committed without an answer"
    return Replay(kept.status, kept.body or "", kept.headers or {})
