"""Rings between processes, on each kind of database; a connection of its own stands for each."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import Unavailable
from core.store import jobs, outbox, sqlite_bells
from core.store.session import Database

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
PATIENCE_S = 30.0  # for the kernel and the server; nothing here waits for a clock


@pytest.fixture
def other(database):
    """The database as another process has it."""
    other = Database(database.url)
    yield other
    other.dispose()


def rang(ear):
    """Whether it rings within our patience."""
    return bool(select.select([ear.fileno()], [], [], PATIENCE_S)[0]) and ear.take()


def insert_and_fail(database):
    with database.write() as session:
        outbox.append(session, "plan", "job_none")
        raise ZeroDivisionError


def test_a_posted_job_rings_for_workers_and_followers(database, other, insert):
    with closing(other.ear("work")) as work, closing(other.ear("news")) as news:
        insert(1)
        assert rang(work)
        assert rang(news)
        assert not work.take()


def test_a_change_that_brings_no_work_wakes_no_worker(database, other, insert):
    job = insert(1)
    with closing(other.ear("work")) as work, closing(other.ear("news")) as news:
        with database.write() as session:
            jobs.request_cancel(session, job.id)
        assert rang(news)
        assert not work.take()


def test_what_is_rolled_back_does_not_ring(database, other):
    with closing(other.ear("work")) as work:
        with pytest.raises(ZeroDivisionError):
            insert_and_fail(database)
        assert not work.take()


def test_a_ring_comes_when_its_rows_can_be_seen(database, other, insert):
    with closing(other.ear("work")) as work:
        for count in range(1, 21):
            insert(1)
            assert rang(work)
            with other.read() as session:
                assert session.execute(text("SELECT count(*) FROM jobs")).scalar_one() == count


def test_a_mark_changes_with_a_commit_that_rings_nobody(database, other):
    with closing(other.ear("work")) as work:
        before = work.mark()
        with database.write() as session:
            session.execute(text("DELETE FROM outbox"))
            session.execute(
                text(
                    "INSERT INTO outbox (topic, job_id, device, created_at)"
                    " VALUES ('plan', 'j', 'auto', '2026-01-01 00:00:00')"
                )
            )
        assert not work.take()
        assert work.mark() != before


@SQLITE
def test_a_mark_stays_while_nobody_commits(database, insert):
    insert(1)
    with closing(database.ear("work")) as work:
        before = work.mark()
        with database.read() as session:
            session.execute(text("SELECT * FROM jobs")).all()
        with pytest.raises(ZeroDivisionError):
            insert_and_fail(database)
        assert work.mark() == before


def test_one_who_is_killed_while_listening_leaves_the_others_able_to_listen(
    database, other, insert
):
    listens = (
        "import sys, time\n"
        "from core.store.session import Database\n"
        "ear = Database(sys.argv[1]).ear('work'); print('listens', flush=True); time.sleep(600)"
    )
    with closing(other.ear("work")) as work:
        killed = subprocess.Popen(
            [sys.executable, "-c", listens, database.url],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        assert killed.stdout.readline() == b"listens\n"
        killed.send_signal(signal.SIGSTOP)
        insert(1)
        assert rang(work)
        killed.kill()
        killed.communicate()
        insert(1)
        assert rang(work)
        with closing(other.ear("work")) as late:
            insert(1)
            assert rang(late)


@SQLITE
def test_an_ear_whose_file_was_removed_says_so_and_the_next_one_hears(database, insert):
    with closing(database.ear("work")) as work:
        Path(f"{database.engine.url.database}-work").unlink()
        select.select([work.fileno()], [], [], PATIENCE_S)
        with pytest.raises(Unavailable):
            [work.take() for _ in range(2)]
    with closing(database.ear("work")) as work:
        insert(1)
        assert rang(work)


@SQLITE
def test_without_a_watch_an_ear_asks_to_be_looked_at_often(database, monkeypatch, insert):
    def none_left(path):
        raise OSError(24, "no inotify instance left")

    monkeypatch.setattr(sqlite_bells, "_inotify", none_left)
    with closing(database.ear("work")) as work:
        before = work.mark()
        insert(1)
        assert (work.fileno(), work.take(), work.lag_s) == (None, False, sqlite_bells.DEAF_LAG_S)
        assert work.mark() != before


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_a_ring_that_comes_with_the_answer_to_a_question_is_not_lost(database, other, insert):
    with closing(other.ear("work")) as work:
        for _ in range(50):
            insert(1)
            work.mark()
            assert work.take() or rang(work)


@pytest.mark.parametrize(
    "database_url", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)
def test_an_ear_whose_connection_was_ended_says_so(database, other):
    with closing(other.ear("work")) as work:
        with database.write() as session:
            session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
                )
            )
        select.select([work.fileno()], [], [], PATIENCE_S)
        with pytest.raises(Unavailable):
            work.mark()
