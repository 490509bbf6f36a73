from __future__ import annotations

from core.store import workers


def test_a_worker_is_alive_as_long_as_it_is_seen(database):
    with database.write() as session:
        workers.seen(session, "w1", host="a", pid=1, device="cpu")
        workers.seen(session, "w2", host="b", pid=2, device="cuda")
        workers.seen(session, "w1", host="a", pid=1, device="cpu")
    with database.read() as session:
        assert {worker.id for worker in workers.list_alive(session, 60)} == {"w1", "w2"}
        assert workers.list_alive(session, -60) == []


def test_a_worker_that_ends_in_order_is_forgotten(database):
    with database.write() as session:
        workers.seen(session, "w1", host="a", pid=1, device="cpu")
        workers.seen(session, "w2", host="b", pid=2, device="cuda")
        workers.gone(session, "w1")
        assert [worker.id for worker in workers.list_alive(session, 60)] == ["w2"]
        workers.prune(session, -60)
        assert workers.list_alive(session, 60) == []


def test_the_devices_of_live_workers_are_served(database):
    with database.write() as session:
        assert workers.served(session, 60) == frozenset()
        workers.seen(session, "w1", host="a", pid=1, device="auto")
        assert workers.served(session, 60) == {"auto", "cpu", "cuda"}
        workers.seen(session, "w1", host="a", pid=1, device="cpu")
        assert workers.served(session, 60) == {"auto", "cpu"}
        workers.seen(session, "w2", host="b", pid=1, device="cuda")
        assert workers.served(session, 60) == {"auto", "cpu", "cuda"}
        assert workers.served(session, -60) == frozenset()
