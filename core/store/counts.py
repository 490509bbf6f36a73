"""Counting rows by status, the same for every table that has one."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from core.store.states import Status


def by_status(
    session: Session, status: InstrumentedAttribute[Status], *where: ColumnElement[bool]
) -> dict[Status, int]:
    """Status -> number of rows, of those that fulfil `where`; a status without rows is absent."""
    query = select(status, func.count()).where(*where).group_by(status)
    return {found: count for found, count in session.execute(query)}  # noqa: C416 - rows, typed
