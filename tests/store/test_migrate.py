from __future__ import annotations

import multiprocessing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from core.errors import Unavailable
from core.store.migrate import is_current, migrate
from core.store.models import Row
from core.store.session import Database


@pytest.fixture
def empty(empty_database_url):
    database = Database(empty_database_url)
    yield database
    database.dispose()


def test_migrations_and_models_agree(database):
    with database.migrating() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Row.metadata) == []


def test_migrating_twice_is_once(empty):
    assert not is_current(empty)
    migrate(empty)
    assert is_current(empty)
    migrate(empty)
    with empty.read() as session:
        assert session.execute(text("SELECT count(*) FROM jobs")).scalar_one() == 0


def test_four_processes_may_start_on_an_empty_database(empty_database_url):
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(4), context.Queue()
    starters = [
        context.Process(target=_start, args=(empty_database_url, barrier, answers))
        for _ in range(4)
    ]
    for starter in starters:
        starter.start()
    assert [answers.get(timeout=90) for _ in starters] == ["current"] * 4
    for starter in starters:
        starter.join(60)


def _start(url, barrier, answers):
    barrier.wait(60)
    try:
        database = Database(url)
        migrate(database)
        answers.put("current" if is_current(database) else "behind")
        database.dispose()
    except Exception as error:
        answers.put(repr(error))


def test_a_migration_that_dies_half_way_leaves_nothing(empty, monkeypatch):
    def fail(*_words):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr("sqlalchemy.engine.Transaction.commit", fail)
        with pytest.raises(RuntimeError, match="killed"):
            migrate(empty)
    assert not is_current(empty)
    migrate(empty)
    assert is_current(empty)


def test_a_newer_schema_is_refused_in_a_sentence(database):
    with database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="newer than this program"):
        migrate(database)
