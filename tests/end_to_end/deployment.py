"""One service made of real processes, either way it may be deployed, and the means to kill them."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2

from core.lifeline import ASKED
from occam import Client
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]
ENDED = {0, -signal.SIGTERM}  # uvicorn cleans up and then ends by the signal it was sent
SETTINGS = {
    "OMP_NUM_THREADS": "1",  # threads of several trainers on few cores mostly wait for each other
    "OCCAM_LEASE_S": "4",
    "OCCAM_HEARTBEAT_S": "0.5",
    "OCCAM_CHECKPOINT_EVERY_S": "0.3",
    "OCCAM_SWEEP_EVERY_S": "0.5",
    "OCCAM_DRAW_AHEAD": "false",  # pages that nobody reads
    "OCCAM_DEVICE": "cpu",
    "OCCAM_REQUESTS_PER_MINUTE": "1000000",
}


class Deployment:
    """`occam serve`, or with `workers` an API and so many workers, each a process of its own.

    What is killed comes back: `occam serve` sees to it itself, and here we play the init system.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str], *, workers: int = 0) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.served = workers == 0
        self._env = {k: v for k, v in os.environ.items() if not k.startswith("OCCAM_")} | {
            **SETTINGS,
            ASKED: str(os.getpid()),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}",
            "PYTHONUNBUFFERED": "1",
            "OCCAM_PORT": str(self.port),
            "OCCAM_DATA_DIR": str(folder / "data"),
            **settings,
        }
        self._logs: dict[int, Path] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        self.http = httpx2.Client(base_url=self.url, timeout=PATIENCE_S)
        self.client = Client(self.url, timeout=PATIENCE_S)
        if self.served:
            self._start("occam", "serve")
        else:
            self._start("api")
            for _ in range(workers):
                self.start_worker()

    def start_worker(self) -> int:
        """Another worker; its process id."""
        return self._start("worker")

    def wait_ready(self) -> None:
        """Until the API answers that a job would be trained."""
        until(self._ready, what=lambda: self.said()[-4000:])

    def api(self) -> int:
        """The API's process id."""
        return next(pid for pid, words in self._running() if words.endswith("-m api"))

    def workers(self) -> list[int]:
        """The workers' process ids."""
        return [pid for pid, words in self._running() if words.endswith("-m worker")]

    def worker_of(self, job_id: str) -> int:
        """The process id of the worker that started this job's newest cohort."""
        events = self.http.get(f"/v1/jobs/{job_id}/events").json()["data"]
        told = [e["data"].get("message", "") for e in events]
        name = re.findall(r"attempt \d+ on (wrk_\w+)", " ".join(told))[-1]
        if self.served:
            (pid,) = self.workers()
            return pid
        return next(pid for pid in self.workers() if name in self._logs[pid].read_text())

    def kill(self, pid: int) -> None:
        """SIGKILL, and until it is gone."""
        os.kill(pid, signal.SIGKILL)
        for process in self._processes:
            if process.pid == pid:
                process.wait()
                self._processes.remove(process)
        until(lambda: pid not in dict(self._running()))

    def kill_api(self) -> None:
        """SIGKILL the API, and have it started again."""
        self.kill(self.api())
        if not self.served:
            self._start("api")

    def said(self) -> str:
        """What every process printed."""
        return "\n".join(path.read_text() for path in self._logs.values())

    def close(self) -> list[int]:
        """Ask all to end; their exit codes."""
        self.http.close()
        self.client.close()
        for process in self._processes:
            process.send_signal(signal.SIGTERM)
        try:
            return [process.wait(PATIENCE_S) for process in self._processes]
        finally:
            for process in self._processes:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def _start(self, *module: str) -> int:
        path = self.folder / f"{module[0]}-{len(self._logs)}.log"
        with path.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *module],
                cwd=ROOT,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._logs[process.pid] = path
        self._processes.append(process)
        return process.pid

    def _ready(self) -> bool:
        for process in self._processes:
            assert process.poll() is None, self.said()[-4000:]
        with suppress(httpx2.TransportError):
            return self.http.get("/readyz").is_success
        return False

    def _running(self) -> Iterator[tuple[int, str]]:
        """Our processes and the children of `occam serve`, with their command lines."""
        for process in self._processes:
            for pid in [process.pid, *_children(process.pid)] if self.served else [process.pid]:
                with suppress(FileNotFoundError, ProcessLookupError):
                    words = Path(f"/proc/{pid}/cmdline").read_bytes()
                    if words:  # a zombie has none
                        yield pid, words.replace(b"\0", b" ").decode().strip()


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(deployment: Deployment) -> Iterator[Deployment]:
    """Ready inside the block; afterwards it must have ended in order."""
    codes: list[int] = []
    try:
        deployment.wait_ready()
        yield deployment
    finally:
        codes = deployment.close()
    assert set(codes) <= ENDED, (codes, deployment.said()[-4000:])
    broken = deployment.said().partition("Traceback")
    assert not broken[1], f"{broken[0][-1000:]}{broken[1]}{broken[2][:6000]}"


def pages(http: httpx2.Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """Everything on the pages of a list."""
    found: list[dict[str, Any]] = []
    while True:
        answer = http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["data"]
        if not page["has_more"]:
            return found
        query["after"] = page["next"]
