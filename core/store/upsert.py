"""INSERT … ON CONFLICT, spelled alike by SQLite and PostgreSQL but imported apart."""

from __future__ import annotations

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core.store.models import Row

Insert = postgresql.Insert | sqlite.Insert


def insert_into(session: Session, table: type[Row]) -> Insert:
    """An INSERT that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    if session.get_bind().dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
