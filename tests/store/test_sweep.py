from __future__ import annotations

from sqlalchemy import text

from core.store import cohorts, outbox
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
        sweep(session, attempts_max=3, rings=True)
    assert sorted(rung(database)) == [
        ("claim", cpu.id, "auto"),
        ("claim", cuda.id, "cuda"),
        ("plan", unplanned.id, "auto"),
    ]


def test_where_nobody_rings_wake_ups_do_not_pile_up(database, insert):
    insert(1, cut=1)
    with database.write() as session:
        session.execute(text("UPDATE outbox SET created_at = '2020-01-01 00:00:00.000000'"))
        sweep(session, attempts_max=3, rings=False)
    assert rung(database) == []
