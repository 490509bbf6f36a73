from __future__ import annotations

import json
import multiprocessing

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from core.datasets import Protocol, Split
from core.errors import Unavailable
from core.store import jobs, runs
from core.store.migrate import MIGRATIONS, is_current, migrate
from core.store.models import Row
from core.store.session import Database
from tests.waiting import PATIENCE_S


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


OLD = {"seeds": [0, 1], "folds": 3, "split": {"validation": 0.2, "test": 0.2, "resample": False}}
PARENTS = """
INSERT INTO jobs (id, status, wanted, version, last_seq, rank, device, created_at, runs_total,
  runs_done, epochs_total, epochs_done, planned, planner_attempts, facts, document)
VALUES ('job_1', 'queued', 'run', 1, 0, 4, 'auto', '2026-01-01 00:00:00', 1, 0, 1, 0, false, 0,
  '{}', :document)
"""
RUN = """
INSERT INTO runs (id, job_id, ordinal, arm, setting, seed, fold, epochs, status, metrics, final)
VALUES ('run_1', 'job_1', 0, 'base', '{}', 7, 2, 1, 'queued', '{}', '{}')
"""


def test_jobs_of_before_replicates_are_kept_and_can_be_read(empty):
    """Folds that validated on one test part are inner folds now; there and back again."""
    _at(empty, "0001")
    with empty.migrating() as connection:
        connection.execute(text(PARENTS), {"document": json.dumps(OLD)})
        connection.execute(text(RUN))

    migrate(empty)

    with empty.read() as session:
        (run,) = runs.of_job(session, "job_1")
        assert (run.seed, run.repeat, run.fold, run.inner_fold) == (7, 0, None, 2)
        protocol = Protocol.of(jobs.get_job(session, "job_1").document)
    assert (protocol.folds, protocol.repeats, protocol.inner_folds) == (1, 1, 3)
    assert protocol.split == Split(validation=0.25, test=0.2, by="rows", duplicates="apart")

    _at(empty, "0001")
    with empty.read() as session:
        assert session.execute(text("SELECT fold FROM runs")).scalar_one() == 2
        document = session.execute(text("SELECT document FROM jobs")).scalar_one()
    assert (json.loads(document) if isinstance(document, str) else document) == OLD


def _at(database, revision):
    """Bring a database to a revision, up or down."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with database.migrating() as connection:
        config.attributes["connection"] = connection
        if MigrationContext.configure(connection).get_current_revision() is None:
            command.upgrade(config, revision)
        else:
            command.downgrade(config, revision)


def test_four_processes_may_start_on_an_empty_database(empty_database_url):
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(4), context.Queue()
    starters = [
        context.Process(target=_start, args=(empty_database_url, barrier, answers))
        for _ in range(4)
    ]
    for starter in starters:
        starter.start()
    assert [answers.get(timeout=PATIENCE_S) for _ in starters] == ["current"] * 4
    for starter in starters:
        starter.join(PATIENCE_S)


def _start(url, barrier, answers):
    barrier.wait(PATIENCE_S)
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


def test_a_newer_schema_is_refused_in_a_sentence(empty):
    migrate(empty)
    with empty.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="newer than this program"):
        migrate(empty)
