"""Database: an engine for SQLite or PostgreSQL, and the two kinds of transaction.

`read()` sees one snapshot and may write nothing. `write()` is one transaction, committed when the
block ends and rolled back when it raises; on SQLite it begins IMMEDIATE, because a reader that
becomes a writer fails at once however long it is told to wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Connection, Engine, create_engine, make_url, select
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from core.errors import Unavailable
from core.store import sqlite
from core.store.bells import Bells, Ear, Topic, owed
from core.store.columns import dumps, instant
from core.store.sqlite_bells import FileBells

# A process that is stopped inside a transaction would hold its locks for ever.
IDLE_IN_TRANSACTION_MS = 20_000
POOL_SIZE = 10  # connections kept; the API's threads and the worker's recorder share them
POOL_OVERFLOW = 30  # as many threads as the web framework runs at once
POOL_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 5


class Database:
    """The truth's address. One per process; threads share it, forked children must not."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine = _engine(url)
        self._reader = self.engine.execution_options(occam_write=False)
        self._writer = self.engine.execution_options(occam_write=True)
        self._hasty = self._writer.execution_options(occam_durable=False)
        self._bells = _bells(self.engine)
        if self.engine.dialect.name == "postgresql":
            self._reader = self._reader.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A snapshot. Raises Unavailable when the database does not answer."""
        with _translated(), Session(self._reader, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Session]:
        """One transaction; rows stay readable after it. Raises Unavailable as `read` does.

        Rings for what the block owes (`core.store.bells`) when it is committed. A power cut may
        undo one that is not durable, with all that came after it, on SQLite only: there whoever
        relies on it dies of the same cut, while a server's clients live on.
        """
        engine = self._writer if durable else self._hasty
        with _translated(), Session(engine, expire_on_commit=False) as session:
            with session.begin():
                yield session
                self._bells.before_commit(session, owed(session))
            self._bells.after_commit(owed(session))

    def ear(self, topic: Topic) -> Ear:
        """Listen to one topic, on a connection of its own. Raises Unavailable."""
        return self._bells.ear(topic)

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        """A connection inside one write transaction, for schema changes."""
        with self._writer.begin() as connection:
            yield connection

    def now(self) -> datetime:
        """The database's clock: the one that leases go by."""
        with self.read() as session:
            return session.execute(select(instant())).scalar_one()

    def dispose(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    words: dict[str, object] = {
        "json_serializer": dumps,
        "pool_size": POOL_SIZE,
        "max_overflow": POOL_OVERFLOW,
        "pool_timeout": POOL_TIMEOUT_S,
    }
    if parsed.get_backend_name() == "sqlite":
        sqlite.prepare(parsed)
        engine = create_engine(parsed, **words)
        sqlite.listen(engine)
        return engine
    assert parsed.get_backend_name() == "postgresql", f"no store speaks {parsed.drivername}"
    return create_engine(
        parsed,
        **words,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "tcp_user_timeout": 15_000,
            "options": f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_MS}",
        },
    )


def _bells(engine: Engine) -> Bells:
    """psycopg is imported where it is spoken only: it costs a seventh of a second."""
    if engine.dialect.name == "sqlite":
        return FileBells(engine)
    from core.store.postgresql_bells import ChannelBells

    return ChannelBells(engine)


@contextmanager
def _translated() -> Iterator[None]:
    """A database that is away, locked or full is a 503 to a client, whoever asked."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        reason = error.orig if isinstance(error, DBAPIError) else error
        raise Unavailable(
            f"The database did not answer ({type(reason).__name__}); retry in a moment."
        ) from error
