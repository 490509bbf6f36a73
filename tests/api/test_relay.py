from __future__ import annotations

import base64
import json
import shutil
import threading
from pathlib import Path

import pytest
import redis

from api.relay import Relay
from core.settings import Settings
from core.store import outbox
from core.store.session import Database
from tests.api.conftest import serving
from tests.waiting import PATIENCE_S, until


@pytest.mark.redis
def test_a_post_rings_the_broker_after_its_commit(
    data_dir: Path, sqlite_template: Path, redis_url: str
) -> None:
    shutil.copy(sqlite_template, data_dir / "occam.db")
    settings = Settings(data_dir=data_dir, broker_url=redis_url)
    with serving(settings) as service, redis.Redis.from_url(redis_url) as broker:
        job = service.post()

        until(lambda: broker.llen("occam.auto") == 1)
        assert job["id"].encode() in base64_body(broker.lindex("occam.auto", 0))
        assert service.client.get("/readyz").json()["checks"]["broker"] == "ok"


def test_asking_returns_while_a_ring_hangs(data_dir: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, data_dir / "occam.db")
    database = Database(f"sqlite:///{data_dir / 'occam.db'}")
    rung, answered = threading.Event(), threading.Event()

    def hang(*_: str) -> None:
        rung.set()
        answered.wait(PATIENCE_S)

    with database.write() as session:
        outbox.append(session, "plan", "job_1")
    relay = Relay(database, hang)
    relay.start()
    relay.ask()
    assert rung.wait(PATIENCE_S)
    relay.ask()
    with database.write() as session:
        outbox.append(session, "plan", "job_2")
    assert not answered.is_set(), "both the asking and the writing came back before the broker"
    relay.stop()
    answered.set()
    relay._thread.join(PATIENCE_S)
    database.dispose()


def test_a_broker_that_is_down_refuses_no_post(data_dir: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, data_dir / "occam.db")
    nowhere = "redis://127.0.0.1:1/0"
    with serving(Settings(data_dir=data_dir, broker_url=nowhere)) as service:
        jobs = [service.post() for _ in range(3)]

        assert {job["status"] for job in jobs} == {"queued"}
        until(lambda: service.client.get("/readyz").json()["checks"]["broker"] != "ok")
        assert service.client.get("/readyz").status_code == 503


def base64_body(message: bytes) -> bytes:
    return base64.b64decode(json.loads(message)["body"])
