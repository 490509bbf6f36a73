from __future__ import annotations

import base64
import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from core.settings import Settings
from tests.api.conftest import serving


def until(holds: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


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


def test_a_broker_that_is_down_delays_no_post(data_dir: Path, sqlite_template: Path) -> None:
    shutil.copy(sqlite_template, data_dir / "occam.db")
    nowhere = "redis://127.0.0.1:1/0"
    with serving(Settings(data_dir=data_dir, broker_url=nowhere)) as service:
        started = time.monotonic()
        jobs = [service.post() for _ in range(3)]
        assert time.monotonic() - started < 3

        assert {job["status"] for job in jobs} == {"queued"}
        until(lambda: service.client.get("/readyz").json()["checks"]["broker"] != "ok")
        assert service.client.get("/readyz").status_code == 503


def base64_body(message: bytes) -> bytes:
    return base64.b64decode(json.loads(message)["body"])
