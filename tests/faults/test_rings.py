"""Without a broker: rung by the database, and no worse off when it loses every ring."""

from __future__ import annotations

import os
import signal

import pytest

from tests.waiting import until

pytestmark = pytest.mark.slow
SMALL = {"epochs": 2}
AN_HOUR = "3600"  # longer than any test waits


def test_a_posted_job_wakes_a_worker_that_would_look_only_in_an_hour(house):
    house.start(OCCAM_POLL_S=AN_HOUR, OCCAM_SWEEP_EVERY_S=AN_HOUR)
    for _ in range(2):  # the second time it has trained and rests again
        assert house.ends(house.submit(**SMALL)).status == "succeeded"


def test_a_lost_ring_is_made_good_by_a_look_at_what_was_committed(house, lost_rings):
    house.start(OCCAM_POLL_S="0.2", OCCAM_SWEEP_EVERY_S=AN_HOUR)
    assert house.ends(house.submit(**SMALL)).status == "succeeded"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_worker_whose_ears_are_all_deaf_looks_by_itself(house, lost_rings):
    house.start(OCCAM_POLL_S=AN_HOUR, OCCAM_SWEEP_EVERY_S="0.5")
    assert house.ends(house.submit(**SMALL)).status == "succeeded"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_resting_worker_whose_trainer_dies_starts_another_at_once(house):
    worker = house.start(OCCAM_POLL_S=AN_HOUR, OCCAM_SWEEP_EVERY_S=AN_HOUR)
    first = house.trainer_of(worker)
    os.kill(first, signal.SIGKILL)
    until(lambda: house.log(worker).count("trainer ready") == 2)
    assert house.trainer_of(worker) != first
