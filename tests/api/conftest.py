"""A real server on a free port, and rows written as a worker would write them."""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from api import logs
from api.app import create_app
from api.shelf import Shelf
from api.tail import Tails
from core.settings import Settings
from core.store import cohorts, events, runs
from core.store.session import Database
from tests.waiting import PATIENCE_S

LEAST = {
    "dataset": "digits",
    "folds": 1,
    "architecture": "mlp",
    "loss": "cross_entropy",
    "regularizer": "l2",
    "lambda": 0.01,
}
AN_HOUR_S = 3600.0  # so followers hear by rings alone: nobody looks within a test
Serve = Callable[..., "Service"]


@dataclass(frozen=True)
class Service:
    """A running service, a client of it, and its database from behind."""

    url: str
    client: httpx2.Client
    database: Database
    settings: Settings
    tails: Tails
    shelf: Shelf[bytes]

    def post(self, **changes: Any) -> dict[str, Any]:
        """Post a small job and return it."""
        answer = self.client.post("/v1/jobs", json={**LEAST, **changes})
        assert answer.status_code == 201, answer.text
        return answer.json()


@pytest.fixture(scope="session", autouse=True)
def quiet() -> None:
    """Warnings and worse only: a line per request would drown a failing test."""
    logs.configure(form="text", level="warning")


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    """Serve these settings from a thread of this process until the block ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    app = create_app(settings)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    database = Database(settings.database_url)
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        with httpx2.Client(base_url=url, timeout=PATIENCE_S) as client:
            house = app.state.services
            yield Service(url, client, database, settings, house.tails, house.shelf)
    finally:
        app.state.services.tails.close()
        server.should_exit = True
        thread.join(PATIENCE_S)
        database.dispose()
        listener.close()
    assert not thread.is_alive(), "the server did not stop"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Service]:
    """One service for all tests of a file, on SQLite."""
    folder = tmp_path_factory.mktemp("service")
    shutil.copy(sqlite_template, folder / "occam.db")
    with serving(Settings(data_dir=folder, poll_s=AN_HOUR_S, draw_ahead=False)) as found:
        yield found


@pytest.fixture
def service_on_both(database_url: str, data_dir: Path) -> Iterator[Service]:
    """A fresh service on each kind of database."""
    settings = Settings(
        data_dir=data_dir, database_url=database_url, poll_s=AN_HOUR_S, draw_ahead=False
    )
    with serving(settings) as found:
        yield found


@dataclass(frozen=True)
class Trained:
    """A job that a worker holds: its one cohort, the fence, and its runs in row order."""

    job_id: str
    cohort_id: str
    fence: int
    run_ids: list[str]


def take(database: Database, job_id: str) -> Trained:
    """Plan a job into one cohort and claim it, as a worker would."""
    with database.write() as session:
        found = runs.of_job(session, job_id, limit=None)
        ids = [run.id for run in found]
        cohorts.insert_planned(
            session, job_id, [cohorts.NewCohort(run_ids=ids, epochs=found[0].epochs)]
        )
    with database.write() as session:
        cohort = cohorts.claim_next(session, "wrk_test", ("auto", "cpu"), lease_s=60)
        assert cohort is not None
        assert cohort.job_id == job_id
        return Trained(job_id, cohort.id, cohort.fence, ids)


def log_epoch(database: Database, held: Trained, epoch: int, **metrics: list[float | None]) -> None:
    """Write one logged epoch of all runs."""
    data = {"epoch": epoch, "runs": held.run_ids, "metrics": metrics, "nonfinite": {}}
    with database.write() as session:
        events.append(
            session,
            held.job_id,
            "metrics",
            data,
            cohort_id=held.cohort_id,
            fence=held.fence,
            epoch=epoch,
        )


def finish(database: Database, held: Trained, **final: list[float]) -> None:
    """End all runs with these final scores, and so the job."""
    updates = [
        runs.RunUpdate(
            run_id=run_id,
            status="succeeded",
            final={name: values[row] for name, values in final.items()},
            stopped_epoch=2,
            stop_reason="completed",
            seconds=0.1,
        )
        for row, run_id in enumerate(held.run_ids)
    ]
    with database.write() as session:
        runs.record(session, held.cohort_id, held.fence, updates)
        cohorts.finish(session, held.cohort_id, held.fence)


def messages(lines: Iterator[str]) -> Iterator[tuple[str | None, str, Any]]:
    """(id, event, data) of each message of an event stream."""
    found: dict[str, str] = {}
    for line in lines:
        if line == "":
            if "data" in found:
                yield found.get("id"), found["event"], json.loads(found["data"])
            found = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            found[name] = value
