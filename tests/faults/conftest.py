"""Workers as real processes on a real database, to be killed, stopped and starved."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.datasets import facts_of
from core.errors import Unavailable
from core.lifeline import ASKED
from core.spec import Limits, resolve, runs_of
from core.store import checkpoints, events, jobs, runs
from core.store.jobs import NewRun
from core.store.models import Cohort, Job, Run
from core.store.session import Database
from tests.waiting import until

ROOT = Path(__file__).parents[2]
BODY: dict[str, Any] = {
    "dataset": "digits",
    "architecture": {"kind": "mlp", "hidden": [64]},
    "loss": "cross_entropy",
    "regularizers": [
        {"kind": "l1", "lambda": {"log_range": [1e-5, 1e-2], "num": 4}},
        {"kind": "dropout", "p": 0.2},
    ],
    "folds": 1,
    "seeds": 3,
    "epochs": 60,
    "batch_size": 32,
}


class House:
    """A database, a data folder, and the workers started on them."""

    def __init__(self, database: Database, data_dir: Path, env: dict[str, str]) -> None:
        self.database, self.data_dir = database, data_dir
        self.env = {
            **os.environ,
            ASKED: str(os.getpid()),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
            "OCCAM_DATABASE_URL": database.url,
            "OCCAM_DATA_DIR": str(data_dir),
            "OCCAM_LEASE_S": "3",
            "OCCAM_HEARTBEAT_S": "0.3",
            "OCCAM_CHECKPOINT_EVERY_S": "0.2",
            "OCCAM_SWEEP_EVERY_S": "0.5",
            "OCCAM_DEVICE": "cpu",
            **env,
        }
        self.workers: list[subprocess.Popen[bytes]] = []

    def start(self, **env: str) -> subprocess.Popen[bytes]:
        """A worker whose trainer is ready."""
        path = self.data_dir / f"worker-{len(self.workers)}.log"
        with path.open("wb") as log:
            worker = subprocess.Popen(
                [sys.executable, "-m", "worker"],
                cwd=ROOT,
                env={**self.env, **env},
                stderr=log,
                start_new_session=True,
            )
        self.workers.append(worker)
        until(lambda: "trainer ready" in path.read_text())
        return worker

    def log(self, worker: subprocess.Popen[bytes]) -> str:
        return (self.data_dir / f"worker-{self.workers.index(worker)}.log").read_text()

    def submit(self, **changes: Any) -> str:
        """Store a job as the API would; returns its id."""
        found = resolve({**BODY, **changes}, lambda source: facts_of(source, _none), Limits())
        epochs = {arm.name: arm.experiment.epochs for arm in found.arms}
        new_runs = [
            NewRun(a, s, **asdict(place), epochs=epochs[a]) for a, s, place in runs_of(found)
        ]
        with self.database.write() as session:
            facts = found.facts.document()
            return jobs.insert_job(session, found.document, new_runs, facts=facts).id

    def job(self, job_id: str) -> Job:
        with self.database.read() as session:
            return jobs.get_job(session, job_id)

    def cohort(self, job_id: str) -> Cohort:
        """The only cohort of a job."""
        with self.database.read() as session:
            return session.query(Cohort).filter_by(job_id=job_id).one()

    def runs(self, job_id: str) -> list[Run]:
        with self.database.read() as session:
            return list(runs.of_job(session, job_id, limit=None))

    def stop_between_transactions(self, pid: int, job_id: str) -> None:
        """SIGSTOP at a moment at which the process holds no lock of the database."""
        for _ in range(100):
            os.kill(pid, signal.SIGSTOP)
            if not self._is_locked(job_id):
                return
            os.kill(pid, signal.SIGCONT)
            time.sleep(0.05)
        raise AssertionError(f"process {pid} is always inside a transaction")

    def _is_locked(self, job_id: str) -> bool:
        if self.database.url.startswith("sqlite"):
            path = self.database.url.split("///", 1)[1]
            with closing(sqlite3.connect(path, timeout=0.3, isolation_level=None)) as other:
                try:
                    other.execute("BEGIN IMMEDIATE")
                    other.execute("ROLLBACK")
                except sqlite3.OperationalError:
                    return True
                return False
        try:
            with self.database.write() as session:
                for table in ("jobs WHERE id", "cohorts WHERE job_id"):
                    session.execute(
                        text(f"SELECT 1 FROM {table} = :job FOR UPDATE NOWAIT"),
                        {"job": job_id},
                    )
        except (Unavailable, DBAPIError):
            return True
        return False

    def ends(self, job_id: str) -> Job:
        """The job once it is final."""
        until(lambda: self.job(job_id).finished_at is not None)
        return self.job(job_id)

    def checkpointed(self, job_id: str, count: int = 2) -> None:
        """Wait until the job trains and has that many checkpoints."""

        def has() -> bool:
            assert self.job(job_id).finished_at is None, "the job was too short to disturb"
            return len(self.checkpoints(job_id)) >= count

        until(has)

    def trained_in(self, job_id: str, attempt: int) -> bool:
        """Whether that attempt has got as far as a checkpoint."""
        return any(f"/{attempt}/" in saved.key for saved in self.checkpoints(job_id))

    def checkpoints(self, job_id: str) -> list[Any]:
        with self.database.read() as session:
            cohort = session.query(Cohort).filter_by(job_id=job_id).one_or_none()
            return [] if cohort is None else list(checkpoints.of_cohort(session, cohort.id))

    def events(self, job_id: str) -> list[dict[str, Any]]:
        with self.database.read() as session:
            found = events.read_after(session, job_id, types=["event", "status"], limit=1000)
            return [json.loads(event.data) for event in found]

    def said(self, job_id: str) -> list[str]:
        """The words of the job's events, in order."""
        return [e.get("event", e.get("status")) for e in self.events(job_id)]

    def metrics(self, job_id: str) -> list[dict[str, Any]]:
        """Every metrics row in order; comparable between jobs, so without names and seconds."""
        ordinal = {run.id: run.ordinal for run in self.runs(job_id)}
        with self.database.read() as session:
            rows = events.read_after(session, job_id, types=["metrics"], limit=10_000)
            found = [json.loads(row.data) for row in rows]
        for data in found:
            data["runs"] = [ordinal[run_id] for run_id in data["runs"]]
            del data["metrics"]["epoch_s"]
        return found

    def weights(self, job_id: str) -> tuple[str, str]:
        """The checksums of the job's final weights, and of what its test rows scored."""
        found = {c.kind: c.sha256 for c in self.checkpoints(job_id) if c.kind != "resume"}
        return found["weights"], found["rows"]

    def cancel(self, job_id: str) -> None:
        with self.database.write() as session:
            jobs.request_cancel(session, job_id)

    def pause(self, job_id: str) -> None:
        with self.database.write() as session:
            jobs.request_pause(session, job_id)

    def resume(self, job_id: str) -> None:
        with self.database.write() as session:
            jobs.request_resume(session, job_id)

    def trainer_of(self, worker: subprocess.Popen[bytes]) -> int:
        """The process id of a worker's trainer child."""
        children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
        return int(children[0])

    def close(self) -> None:
        for worker in self.workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait()


def _none(dataset_id: str) -> Any:
    raise AssertionError("no uploads here")


@pytest.fixture
def house(database: Database, data_dir: Path) -> Iterator[House]:
    """On each kind of database, without a broker."""
    house = House(database, data_dir, {})
    yield house
    house.close()


@pytest.fixture
def lost_rings(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is committed from here on reaches nobody, as through a pooler or after a kill."""
    for moment in ("before_commit", "after_commit"):
        monkeypatch.setattr(database._bells, moment, lambda *_: None)


@pytest.fixture(scope="module")
def steady(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for a whole file, on SQLite, with a worker that its tests leave alive."""
    with _working(sqlite_template, tmp_path_factory.mktemp("steady")) as house:
        yield house


@pytest.fixture(scope="session")
def undisturbed(
    sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[list[dict[str, Any]], str]:
    """Metrics and weights of the body when nothing happens to it."""
    with _working(sqlite_template, tmp_path_factory.mktemp("undisturbed")) as house:
        job_id = house.submit()
        assert house.ends(job_id).status == "succeeded"
        return house.metrics(job_id), house.weights(job_id)


@contextmanager
def _working(template: Path, folder: Path) -> Iterator[House]:
    path = folder / "occam.db"
    path.write_bytes(template.read_bytes())
    house = House(Database(f"sqlite:///{path}"), folder, {})
    try:
        house.start(OCCAM_CANCEL_GRACE_S="1")
        yield house
    finally:
        house.close()
        house.database.dispose()
