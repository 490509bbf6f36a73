from __future__ import annotations

import threading

import pytest

from core.errors import Unavailable
from tests.waiting import PATIENCE_S
from worker.heartbeat import Heartbeat, Lost


def away():
    raise Unavailable("The database did not answer.")


def test_it_beats_until_left_and_brings_the_wish():
    beats = threading.Semaphore(0)

    def beat():
        beats.release()
        return "pause"

    heartbeat = Heartbeat(beat, lambda: "run", every_s=0.01, lease_s=60)
    with heartbeat:
        assert beats.acquire(timeout=PATIENCE_S)
        assert beats.acquire(timeout=PATIENCE_S)
        assert heartbeat.wish == "pause"
        assert not heartbeat.is_lost()


def test_a_wish_is_seen_between_two_beats():
    looked = threading.Event()

    def look():
        looked.set()
        return "cancel"

    with Heartbeat(lambda: "run", look, every_s=60, lease_s=120):
        assert looked.wait(PATIENCE_S)


def test_a_stale_fence_is_a_lost_lease():
    with Heartbeat(lambda: None, lambda: None, every_s=0.01, lease_s=60) as heartbeat:
        heartbeat._thread.join(PATIENCE_S)
        assert heartbeat.is_lost()


def test_a_database_away_for_longer_than_the_lease_is_a_lost_lease():
    with (
        Heartbeat(away, away, every_s=0.01, lease_s=0.2) as heartbeat,
        pytest.raises(Lost, match="longer than the lease"),
    ):
        heartbeat.insist(away)


def test_insisting_outlasts_a_database_that_comes_back():
    tries = []

    def act():
        tries.append(1)
        if len(tries) < 3:
            away()
        return "written"

    with Heartbeat(lambda: "run", lambda: "run", every_s=0.01, lease_s=60) as heartbeat:
        assert heartbeat.insist(act) == "written"
    assert len(tries) == 3
