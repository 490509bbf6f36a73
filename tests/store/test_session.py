from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from core.errors import Unavailable
from core.store import sqlite, workers
from core.store.columns import instant
from core.store.session import Database


def test_a_write_that_raises_leaves_nothing(database):
    def interrupted():
        with database.write() as session:
            workers.seen(session, "w1", host="h", pid=1, device="cpu")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        interrupted()
    with database.read() as session:
        assert workers.list_alive(session, 60) == []


def test_a_read_may_write_nothing(database):
    with pytest.raises((DBAPIError, Unavailable)), database.read() as session:
        workers.seen(session, "w1", host="h", pid=1, device="cpu")
    with database.write() as session:  # the same pooled connection writes again
        workers.seen(session, "w1", host="h", pid=1, device="cpu")


def test_a_read_sees_one_snapshot(database):
    with database.read() as reader:
        assert workers.list_alive(reader, 60) == []
        with database.write() as session:
            workers.seen(session, "w1", host="h", pid=1, device="cpu")
        assert workers.list_alive(reader, 60) == []
    with database.read() as reader:
        assert [worker.id for worker in workers.list_alive(reader, 60)] == ["w1"]


def test_the_clock_is_the_databases_and_aware(database):
    assert abs(database.now() - datetime.now(UTC)) < timedelta(seconds=5)
    with database.read() as session:
        now, later = session.execute(select(instant(), instant(90.5))).one()
    assert timedelta(seconds=90.4) < later - now < timedelta(seconds=90.6)
    assert later.utcoffset() == timedelta(0)


def test_moments_are_ordered_by_time_and_not_by_spelling(database):
    with database.read() as session:
        moment = datetime(2020, 1, 1, 12, 0, 0, 5, tzinfo=UTC)
        before = moment.astimezone(tz=None)  # another zone, the same moment
        assert session.execute(select(instant() > before)).scalar_one()


def test_a_database_that_is_away_is_unavailable():
    database = Database("postgresql+psycopg://nobody@127.0.0.1:1/none")
    with pytest.raises(Unavailable, match="did not answer"), database.read() as session:
        session.execute(text("SELECT 1"))
    database.dispose()


def test_sqlite_keeps_a_log_and_its_foreign_keys(data_dir):
    database = Database(f"sqlite:///{data_dir}/occam.db")
    with database.read() as session:
        assert session.execute(text("PRAGMA journal_mode")).scalar_one() == "wal"
        assert session.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    database.dispose()


def test_sqlite_refuses_memory_and_network_folders(data_dir, monkeypatch):
    with pytest.raises(ValueError, match="in-memory"):
        Database("sqlite://")
    monkeypatch.setattr(sqlite, "_mounts", lambda: f"server:/x {data_dir} nfs4 rw 0 0\n")
    with pytest.raises(ValueError, match="network file system"):
        Database(f"sqlite:///{data_dir}/occam.db")


def test_only_sqlite_is_ever_hasty_and_only_where_asked(database):
    """A server's clients outlive its power; a claim that it forgot would be held twice."""
    on_sqlite = database.engine.dialect.name == "sqlite"
    who_set_it = "SELECT source FROM pg_settings WHERE name = 'synchronous_commit'"
    asks = text("PRAGMA synchronous" if on_sqlite else who_set_it)
    found = []
    for durable in (True, False, True):  # on the same pooled connection
        with database.write(durable=durable) as session:
            found.append(session.execute(asks).scalar_one())
    assert found == ([2, 1, 2] if on_sqlite else ["database"] * 3)
