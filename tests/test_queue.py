from __future__ import annotations

import json
import socket
import threading

import pytest
import redis

from core.queue import queues_of, ringer
from core.settings import Settings
from tests.waiting import PATIENCE_S


def ring_at(url):
    return ringer(Settings(broker_url=url))


def test_without_a_broker_there_is_no_bell():
    assert ringer(Settings(broker_url=None)) is None


@pytest.mark.redis
def test_a_ring_is_a_message_with_an_id_and_nothing_else(redis_url):
    ring_at(redis_url)("claim", "job_1", "cuda")
    with redis.Redis.from_url(redis_url) as client:
        message = json.loads(client.lpop("occam.cuda"))
    assert message["headers"]["task"] == "occam.claim"
    assert message["headers"]["argsrepr"] == "['job_1']"


def test_a_broker_that_is_down_raises():
    with pytest.raises(Exception, match="refused"):
        ring_at("redis://127.0.0.1:1/0")("plan", "job_1", "auto")


def test_a_frozen_broker_is_given_up_soon():
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # accepts, and never says a word
        url = f"redis://127.0.0.1:{frozen.getsockname()[1]}/0"
        raised = []

        def ring():
            try:
                ring_at(url)("plan", "job_1", "auto")
            except Exception as error:
                raised.append(error)

        thread = threading.Thread(target=ring, daemon=True)
        thread.start()
        thread.join(PATIENCE_S)
        assert len(raised) == 1


def test_a_worker_listens_to_its_device_and_to_what_asks_for_none():
    assert queues_of("cuda") == ["occam.auto", "occam.cuda"]
    assert queues_of("cpu") == ["occam.auto", "occam.cpu"]
