from __future__ import annotations

import json

from sqlalchemy import text

from core.store import cohorts, events, outbox, workers
from core.store.sweep import sweep


def rung(database):
    heard = []
    while outbox.relay(database, lambda *words: heard.append(words)):
        pass
    return heard


def test_a_sweep_frees_what_was_lost_and_fails_what_is_late(database, insert):
    insert(2, cut=2)
    late = insert(2, deadline_s=-1)
    with database.write() as session:
        lost = cohorts.claim_next(session, "w1", ["auto"], -1)
    with database.write() as session:
        swept = sweep(session, attempts_max=3, rings=False)
    assert swept.freed == ((lost.id, "queued"),)
    assert swept.overdue == (late.id,)


def test_a_sweep_rings_again_for_what_waits_when_every_ring_was_lost(database, insert):
    cpu, cuda = insert(1, cut=1), insert(3, cut=1, device="cuda")
    unplanned = insert(1)
    with database.write() as session:
        session.execute(text("DELETE FROM outbox"))
        workers.seen(session, "w1", host="a", pid=1, device="cuda")
        sweep(session, attempts_max=3, rings=True)
    assert sorted(rung(database)) == [
        ("claim", cpu.id, "auto"),
        ("claim", cuda.id, "cuda"),
        ("plan", unplanned.id, "auto"),
    ]


def test_nobody_is_rung_for_a_device_that_no_worker_serves(database, insert):
    insert(3, cut=1, device="cuda")
    with database.write() as session:
        session.execute(text("DELETE FROM outbox"))
        workers.seen(session, "w1", host="a", pid=1, device="cpu")
        workers.seen(session, "w2", host="a", pid=2, device="cuda")
        session.execute(
            text("UPDATE workers SET seen_at = '2020-01-01 00:00:00.000000' WHERE id = 'w2'")
        )
        sweep(session, attempts_max=3, rings=True)
    assert rung(database) == []


def test_a_job_is_told_once_that_no_worker_serves_its_device(database, insert):
    stuck, fine = insert(1, cut=1, device="cuda"), insert(1, cut=1)
    for _ in range(2):
        with database.write() as session:
            workers.seen(session, "w1", host="a", pid=1, device="cpu")
            sweep(session, attempts_max=3, rings=False)
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
        sweep(session, attempts_max=3, rings=False)
    assert rung(database) == []
