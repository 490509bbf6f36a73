from __future__ import annotations

import sys
import time
from itertools import pairwise

import pytest

from tests.waiting import until
from worker.child import Child
from worker.warm import Warm

READY = 'print(\'{"event": "ready", "device": "cpu"}\', flush=True); input()'


@pytest.fixture
def warm():
    made = []

    def warm(script, memory_bytes_max=2**40):
        started = []

        def start():
            started.append(Child([sys.executable, "-c", script]))
            return started[-1]

        made.append(Warm(memory_bytes_max, start))
        return made[-1], started

    yield warm
    for each in made:
        each.stop()


def ready(warm):
    return until(warm.ready)


def test_the_same_child_serves_again_and_again(warm):
    kept, started = warm(READY)
    assert kept.device is None
    assert ready(kept) is ready(kept)
    assert kept.device == "cpu"
    assert len(started) == 1


def test_a_child_that_died_is_replaced(warm):
    kept, _ = warm(READY)
    first = ready(kept)
    first.stop(0)
    assert ready(kept) is not first


def test_a_child_that_grew_is_replaced(warm):
    kept, _ = warm(READY, memory_bytes_max=1)
    first = ready(kept)
    kept.ready()
    assert not first.is_alive()


def test_children_that_die_before_they_are_ready_are_started_ever_more_slowly(warm):
    kept, started = warm("raise SystemExit(1)")
    starts_s = []

    def started_again():
        assert kept.ready() is None
        if len(started) > len(starts_s):
            starts_s.append(time.monotonic())
        return len(starts_s) == 3

    until(started_again)
    pauses_s = [after - before for before, after in pairwise(starts_s)]
    assert all(pause_s >= least_s for pause_s, least_s in zip(pauses_s, (0.5, 1), strict=True))
