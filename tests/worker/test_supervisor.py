"""A worker that rests, on each kind of database; its child is a process, but one without torch."""

from __future__ import annotations

import sys
import threading

import pytest
from sqlalchemy import event, select

from core.settings import Settings
from core.store import cohorts, jobs, outbox
from core.store.models import Run
from tests.waiting import PATIENCE_S
from worker.child import Child
from worker.supervisor import Supervisor
from worker.warm import Warm

READY = 'print(\'{"event": "ready", "device": "cpu"}\', flush=True); input()'
FACTS = {"task": "classification", "examples": 100, "shape": [4], "classes": ["a", "b"]}
RUN = jobs.NewRun(arm="a", setting={}, seed=0, fold=None, epochs=10)


@pytest.fixture
def supervisor(database_url, data_dir, monkeypatch):
    monkeypatch.setattr("worker.supervisor.SEEN_EVERY_S", 3600.0)
    bell = threading.Event()
    settings = Settings(data_dir=data_dir, database_url=database_url)
    supervisor = Supervisor(settings, stopping=threading.Event(), bell=bell)
    supervisor._warm = Warm(2**40, lambda: Child([sys.executable, "-c", READY], bell.set))
    while supervisor._warm.ready() is None:
        assert bell.wait(PATIENCE_S), "a child that has spoken rings the bell"
        bell.clear()
    yield supervisor
    supervisor._warm.stop()
    supervisor._database.dispose()


@pytest.fixture
def begun(supervisor):
    """Whether each transaction that the worker has begun was to write."""
    begun = []

    @event.listens_for(supervisor._database.engine, "begin")
    def begins(connection):
        begun.append(connection.get_execution_options().get("occam_write"))

    return begun


def rest(supervisor, turns):
    for _ in range(turns):
        assert not supervisor._turn()
        supervisor._sweep()


def test_a_resting_worker_looks_and_writes_nothing_but_that_it_lives(supervisor, begun):
    rest(supervisor, 1)
    assert begun.count(True) == 1
    begun.clear()
    rest(supervisor, 20)
    assert (begun.count(True), begun.count(False)) == (0, 60)


def test_nobody_else_sees_a_commit_of_a_resting_worker(supervisor, database):
    rest(supervisor, 1)
    ear = database.ear("work")
    before = ear.mark()
    rest(supervisor, 20)
    if database.engine.dialect.name == "sqlite":  # a server's snapshots move for others' sake too
        assert ear.mark() == before
    assert not ear.take()
    ear.close()


def test_it_says_again_that_it_lives_when_it_is_time_or_serves_something_else(
    supervisor, begun, monkeypatch
):
    supervisor._sweep()
    monkeypatch.setattr(supervisor._warm, "device", "cuda")
    supervisor._sweep()
    assert begun.count(True) == 2
    monkeypatch.setattr("worker.supervisor.SEEN_EVERY_S", 0.0)
    supervisor._sweep()
    assert begun.count(True) == 3


def test_work_for_other_devices_leaves_it_at_rest(supervisor, begun, database):
    with database.write() as session:
        job = jobs.insert_job(session, {"device": "cuda"}, [RUN], facts=FACTS)
        (run_id,) = session.scalars(select(Run.id)).all()
        cohorts.insert_planned(session, job.id, [cohorts.NewCohort([run_id], epochs=10)])
    assert not supervisor._turn()
    assert begun.count(True) == 0


def test_a_paused_job_leaves_it_at_rest(supervisor, begun, database):
    with database.write() as session:
        job = jobs.insert_job(session, {}, [RUN], facts=FACTS)
        jobs.request_pause(session, job.id)
    assert not supervisor._turn()
    assert begun.count(True) == 0


def test_a_ring_is_heard_by_the_workers_bell(supervisor, database):
    supervisor._listener.start()
    assert supervisor._bell.wait(60), "it looks once when it begins to listen"
    supervisor._bell.clear()
    with database.write() as session:
        outbox.append(session, "plan", "job_none")
    assert supervisor._bell.wait(60)
    supervisor._listener.stop()
