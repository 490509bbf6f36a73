"""Rings between processes on one PostgreSQL: NOTIFY in the transaction, LISTEN on a connection.

Behind a pooler in transaction mode a LISTEN hears nothing; the mark then tells, a poll later.
"""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress

import psycopg
from sqlalchemy import Engine, func, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from core.errors import Unavailable
from core.store.bells import Topic


class ChannelBells:
    """The bells of the database behind an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def before_commit(self, session: Session, topics: Collection[Topic]) -> None:
        if topics:  # delivered by the server with the commit, or not at all
            session.execute(select(*(func.pg_notify(_channel(topic), "") for topic in topics)))

    def after_commit(self, topics: Collection[Topic]) -> None:
        """Nothing is left to do."""

    def ear(self, topic: Topic) -> ChannelEar:
        return ChannelEar(self._engine, topic)


class ChannelEar:
    """Hears a channel; its mark is the server's newest snapshot, which every commit changes."""

    lag_s = 0.0

    def __init__(self, engine: Engine, topic: Topic) -> None:
        try:
            fairy = engine.raw_connection()
        except DBAPIError as error:
            raise Unavailable("The database did not answer; retry in a moment.") from error
        connection = fairy.driver_connection
        assert isinstance(connection, psycopg.Connection), f"{connection} is not psycopg's"
        fairy.detach()  # from the pool, which would hand it to others
        self._connection = connection
        self._rang = False
        connection.add_notify_handler(self._hear)
        try:
            connection.autocommit = True
            connection.execute(f"LISTEN {_channel(topic)}".encode())
        except psycopg.Error as error:
            self.close()
            raise Unavailable("The database does not let us listen.") from error

    def fileno(self) -> int:
        return self._connection.fileno()

    def take(self) -> bool:
        wire = self._connection.pgconn
        try:
            wire.consume_input()
        except psycopg.Error as error:
            raise Unavailable("The database closed the connection.") from error
        while wire.notifies() is not None:
            self._rang = True
        rang, self._rang = self._rang, False
        return rang

    def mark(self) -> object:
        try:
            found = self._connection.execute("SELECT pg_current_snapshot()::text")
            return found.fetchone()
        except psycopg.Error as error:
            raise Unavailable("The database did not answer; retry in a moment.") from error

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._connection.close()

    def _hear(self, notification: psycopg.Notify) -> None:
        """What comes beside the answer to a question; psycopg keeps it for nobody else."""
        self._rang = True


def _channel(topic: Topic) -> str:
    return f"occam_{topic}"
