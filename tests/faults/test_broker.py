"""With a broker: rung at once, and no worse off when it loses everything or is not there."""

from __future__ import annotations

import pytest
import redis

from core.queue import ringer
from core.settings import Settings
from core.store.outbox import relay
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.redis]
SMALL = {"epochs": 2}
ONLY_RUNG = {"OCCAM_POLL_S": "3600", "OCCAM_SWEEP_EVERY_S": "3600"}


@pytest.fixture
def ring(redis_url):
    return ringer(Settings(broker_url=redis_url))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_the_broker_wakes_a_worker_whom_nothing_else_would_within_an_hour(
    house, redis_url, ring, lost_rings
):
    worker = house.start(OCCAM_BROKER_URL=redis_url, **ONLY_RUNG)
    until(lambda: "listening" in house.log(worker))
    quiet = house.submit(**SMALL)
    assert relay(house.database, ring) == 1
    assert house.ends(quiet).status == "succeeded"


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_lost_and_doubled_messages_have_no_effect(house, redis_url, ring, lost_rings):
    house.start(OCCAM_BROKER_URL=redis_url)
    lost = house.submit(**SMALL)
    with redis.Redis.from_url(redis_url) as client:
        client.flushdb()
    assert house.ends(lost).status == "succeeded"
    doubled = house.submit(**SMALL)
    for _ in range(20):
        ring("plan", doubled, "auto")
        ring("claim", doubled, "auto")
    assert house.ends(doubled).status == "succeeded"
    assert house.said(doubled).count("cohort_started") == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_worker_whose_broker_is_away_works_and_ends_in_order(house):
    worker = house.start(OCCAM_BROKER_URL="redis://127.0.0.1:1/0")
    assert house.ends(house.submit(**SMALL)).status == "succeeded"
    worker.terminate()
    assert worker.wait(30) == 0
