"""What clients see when processes and servers die under a job: nothing lost, nothing twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis

from occam.lifeline import die_with_parent
from tests.api.conftest import messages
from tests.end_to_end.conftest import CLUSTER
from tests.end_to_end.deployment import Deployment, free_port, pages, running
from tests.waiting import PATIENCE_S, until

pytestmark = pytest.mark.slow

LONG: dict[str, Any] = {
    "name": "disturbed",
    "dataset": "digits",
    "architecture": {"kind": "mlp", "hidden": [64]},
    "loss": "cross_entropy",
    "regularizers": [
        {"kind": "l1", "lambda": {"log_range": [1e-5, 1e-2], "num": 4}},
        {"kind": "dropout", "p": 0.2},
    ],
    "folds": 1,
    "seeds": 3,
    "epochs": 90,
    "batch_size": 32,
}
SMALL = {"dataset": "iris", "architecture": "linear", "loss": "cross_entropy", "epochs": 3}
Message = tuple[str, str, Any]


def post(service, body):
    answer = service.http.post("/v1/jobs", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def ends(service, job):
    """The job once it is final, whatever dies meanwhile."""
    return service.client.wait(job["id"], timeout_s=PATIENCE_S)


def series(service, job):
    """Every logged value of a job by what it belongs to, in order, without names and seconds."""
    runs = {run["id"]: run for run in pages(service.http, job["links"]["runs"])}
    found: dict[tuple[Any, ...], list[tuple[int, float | None]]] = {}
    for point in pages(service.http, job["links"]["metrics"], limit=1000):
        run = runs[point["run"]]
        setting = json.dumps(run["setting"], sort_keys=True)
        if point["name"] != "epoch_s":
            key = run["arm"], setting, run["seed"], run["fold"], point["name"]
            found.setdefault(key, []).append((point["epoch"], point["value"]))
    return found


def said(service, job):
    events = pages(service.http, job["links"]["events"])
    return [e["data"].get("event") or e["data"]["status"] for e in events]


class Follower:
    """A client that keeps every message and comes back by the id of the last, as a browser does."""

    def __init__(self, service: Deployment, job: dict[str, Any]) -> None:
        self.heard: list[Message] = []
        self.connections = 0
        self._service, self._path = service, job["links"]["stream"]
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def reaches(self, epoch: int) -> None:
        """Wait until this epoch was heard of, and the job is still far from its end."""
        until(lambda: epoch <= self._epoch())
        assert self._epoch() < LONG["epochs"] - 10, "the job was too short to disturb"

    def ended(self) -> list[Message]:
        """Everything heard, at the stream's end."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "the stream did not end"
        return self.heard

    def _epoch(self) -> int:
        told = [data["epoch"] for _, kind, data in list(self.heard) if kind == "metrics"]
        return max(told, default=0)

    def _follow(self) -> None:
        with httpx2.Client(base_url=self._service.url, timeout=PATIENCE_S) as client:
            while True:
                with suppress(httpx2.TransportError):
                    if self._listen(client):
                        return
                time.sleep(0.1)

    def _listen(self, client: httpx2.Client) -> bool:
        """One connection; whether it came to the end."""
        headers = {"last-event-id": self.heard[-1][0]} if self.heard else {}
        with client.stream("GET", self._path, headers=headers) as answer:
            self.connections += 1
            for name, kind, data in messages(answer.iter_lines()):
                if kind == "end":
                    return True
                assert name is not None
                self.heard.append((name, kind, data))
        return False


@pytest.fixture(scope="module")
def undisturbed(service):
    """The series of a job that nothing happened to."""
    job = post(service, LONG)
    assert ends(service, job).status == "succeeded"
    return series(service, job)


def check(service, job, follower, undisturbed):
    """The job succeeded as if nothing had happened, and its follower heard all of it once."""
    ended = ends(service, job)
    assert ended.status == "succeeded", ended
    assert ended.progress.epochs_done == ended.progress.epochs_total
    found = series(service, job)
    assert found.keys() == undisturbed.keys()
    for key, values in found.items():
        assert values == undisturbed[key], key
    heard = follower.ended()
    assert [int(name) for name, _, _ in heard] == list(range(1, len(heard) + 1))
    assert heard == Follower(service, job).ended()
    told = [data["epoch"] for _, kind, data in heard if kind == "metrics"]
    assert told == list(range(1, LONG["epochs"] + 1))


def test_a_worker_killed_in_mid_cohort_is_replaced_and_nothing_shows(service, undisturbed):
    job = post(service, LONG)
    follower = Follower(service, job)
    follower.reaches(5)
    run = pages(service.http, job["links"]["runs"])[0]
    until(lambda: pages(service.http, run["links"]["checkpoints"]))
    service.kill(service.worker_of(job["id"]))

    check(service, job, follower, undisturbed)
    words = said(service, job)
    assert words.count("cohort_started") == 2
    assert "checkpoint_torn" not in words
    if not service.served:
        service.start_worker()
    service.wait_ready()


def test_an_api_killed_in_mid_stream_comes_back_and_the_stream_goes_on(service, undisturbed):
    job = post(service, LONG)
    follower = Follower(service, job)
    follower.reaches(5)
    service.kill_api()

    check(service, job, follower, undisturbed)
    assert follower.connections >= 2
    assert said(service, job).count("cohort_started") == 1, "training did not notice"
    service.wait_ready()


def test_api_and_worker_killed_at_once_lose_nothing(service, undisturbed):
    job = post(service, LONG)
    follower = Follower(service, job)
    follower.reaches(5)
    worker = service.worker_of(job["id"])
    service.kill_api()
    service.kill(worker)
    if not service.served:
        service.start_worker()

    check(service, job, follower, undisturbed)
    service.wait_ready()


@pytest.mark.parametrize("service", [CLUSTER], indirect=True)
def test_the_cohorts_of_one_job_are_shared_between_workers(service):
    until(lambda: service.said().count("trainer ready") >= 2)
    arms = [{"name": f"{n} units", "architecture": {"hidden": [n]}} for n in (16, 24, 32, 40)]
    job = post(service, {**LONG, "regularizers": [], "compare": arms})
    ended = ends(service, job)

    assert ended.status == "succeeded", ended
    told = [e["data"].get("message", "") for e in pages(service.http, job["links"]["events"])]
    workers = {text.split()[-1] for text in told if "attempt 1 on" in text}
    assert len(workers) == 2
    assert sum("attempt" in text for text in told) == 4, "no cohort was trained twice"
    values = series(service, job)
    assert {tuple(e for e, _ in points) for points in values.values()} == {tuple(range(1, 91))}
    assert len(values) == 4 * 3 * len({key[-1] for key in values})


class Broker:
    """A redis-server of our own, to be killed and started."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        settings = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(folder), "save": ""}
        self._words = [word for name, value in settings.items() for word in (f"--{name}", value)]

    def start(self) -> None:
        self.process = subprocess.Popen(
            ["redis-server", *self._words], stdout=subprocess.DEVNULL, preexec_fn=die_with_parent
        )
        until(self._answers)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()

    def empty(self) -> int:
        """Forget every message; how many keys there were."""
        with redis.Redis.from_url(self.url) as client:
            count = int(client.dbsize())
            client.flushall()
            return count

    def _answers(self) -> bool:
        with suppress(redis.ConnectionError), redis.Redis.from_url(self.url) as client:
            return bool(client.ping())
        return False


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    if shutil.which("redis-server") is None:
        sentence = "no redis-server to be killed is installed here"
        if os.environ.get("CI") == "true":
            pytest.fail(sentence)
        pytest.skip(sentence)
    broker = Broker(tmp_path)
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()


@pytest.mark.redis
@pytest.mark.postgres
def test_a_broker_that_forgets_or_dies_delays_jobs_but_loses_none(broker, postgresql_url, tmp_path):
    settings = {"OCCAM_DATABASE_URL": postgresql_url, "OCCAM_BROKER_URL": broker.url}
    with running(Deployment(tmp_path, settings, workers=1)) as service:
        assert ends(service, post(service, SMALL)).status == "succeeded"
        until(lambda: service.said().count("trainer ready") == 1)
        service.kill(service.workers()[0])

        forgotten = post(service, SMALL)
        until(broker.empty)  # its message was there, and is not any more
        broker.stop()
        unheard = post(service, SMALL)

        service.start_worker()
        assert ends(service, forgotten).status == "succeeded"
        assert ends(service, unheard).status == "succeeded"
        broker.start()
        assert ends(service, post(service, SMALL)).status == "succeeded"
        service.wait_ready()
