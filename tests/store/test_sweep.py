from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from core.store import cohorts, events, workers
from core.store.models import Outbox
from core.store.sweep import is_due, sweep


def test_a_sweep_frees_what_was_lost_and_fails_what_is_late(database, insert):
    insert(2, cut=2)
    late = insert(2, deadline_s=-1)
    with database.write() as session:
        lost = cohorts.claim_next(session, "w1", ["auto"], -1)
    with database.write() as session:
        swept = sweep(session, attempts_max=3)
    assert swept.freed == ((lost.id, "queued"),)
    assert swept.overdue == (late.id,)


def test_a_job_is_told_once_that_no_worker_serves_its_device(database, insert):
    stuck, fine = insert(1, cut=1, device="cuda"), insert(1, cut=1)
    for _ in range(2):
        with database.write() as session:
            workers.seen(session, "w1", host="a", pid=1, device="cpu")
            sweep(session, attempts_max=3)
    with database.read() as session:
        told = [
            json.loads(row.data)["message"]
            for job in (stuck, fine)
            for row in events.read_after(session, job.id, types=["event"])
            if json.loads(row.data)["event"] == "no_worker"
        ]
    assert told == ["No worker serves cuda; the job waits until one is started."]


def test_where_nobody_rings_wake_ups_do_not_pile_up(database, insert):
    insert(1, cut=1)
    with database.write() as session:
        session.execute(text("UPDATE outbox SET created_at = '2020-01-01 00:00:00.000000'"))
        sweep(session, attempts_max=3)
        assert session.query(Outbox).count() == 0


OLD = "'2020-01-01 00:00:00.000000'"
DUE = {
    "a lease that ran out": ["UPDATE cohorts SET status = 'running', lease_until = " + OLD],
    "a deadline that passed": ["UPDATE jobs SET deadline_at = " + OLD],
    "a ring that nobody paid": ["UPDATE outbox SET created_at = " + OLD],
    "an answer that was kept long enough": [
        f"INSERT INTO idempotency (scope, fingerprint, created_at) VALUES ('s', 'f', {OLD})"
    ],
    "a worker that was long gone": [
        "INSERT INTO workers (id, host, pid, device, started_at, seen_at)"
        f" VALUES ('w2', 'a', 2, 'cpu', {OLD}, {OLD})"
    ],
    "a job for a device that nobody serves": ["UPDATE jobs SET device = 'cuda'"],
}


@pytest.mark.parametrize("what", [*DUE, "nothing"])
def test_a_look_finds_exactly_what_a_sweep_would_do(database, insert, what):
    insert(1, cut=1)
    with database.write() as session:
        workers.seen(session, "w1", host="a", pid=1, device="cpu")
        for statement in DUE.get(what, []):
            session.execute(text(statement))
    for due in (what != "nothing", False):
        with database.read() as session:
            assert is_due(session) is due
        with database.write() as session:
            sweep(session, attempts_max=3)
