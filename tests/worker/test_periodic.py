from __future__ import annotations

import threading

from tests.waiting import PATIENCE_S
from worker.periodic import Periodic


def test_it_acts_at_once_when_asked_and_after_a_failure():
    acted = threading.Semaphore(0)
    failures = [RuntimeError("broker away")]

    def act():
        acted.release()
        if failures:
            raise failures.pop()

    periodic = Periodic("test", 3600, act)
    periodic.start()
    assert acted.acquire(timeout=PATIENCE_S)
    periodic.ask()
    assert acted.acquire(timeout=PATIENCE_S)
    periodic.stop()
    assert not periodic._thread.is_alive()


def test_one_that_was_never_started_stops():
    acted = []
    Periodic("test", 3600, lambda: acted.append(1)).stop()
    assert acted == []
