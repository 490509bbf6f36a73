"""Occam as a service: POST over HTTP, wait, GET the report."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from benchmarks.task import Sweep
from occam import Client

START_TIMEOUT_S = 60.0


@contextmanager
def sweep(task: Sweep) -> Iterator[Callable[[], float]]:
    """The sweep from POST to report, on a service that has trained something before."""
    with service() as client:
        client.wait(client.submit({**task.body(), "epochs": 1}), check=True)
        yield lambda: from_post_to_report(client, task.body())


def from_post_to_report(client: Client, body: dict[str, Any]) -> float:
    """Submit, wait, fetch the report; returns the best mean validation score. Any: JSON."""
    job = client.wait(client.submit(body), check=True)
    report = client.report(job)
    means = [
        setting.scores["val_accuracy"].mean or 0.0
        for arm in report.arms
        for setting in arm.settings
    ]
    return max(means)


@contextmanager
def service(command: str = "serve") -> Iterator[Client]:
    """A service of its own on a free port, with an empty data folder; stopped afterwards."""
    with TemporaryDirectory(prefix="occam-bench-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        arguments = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", folder]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "occam", command, *arguments], stdout=log, stderr=log
            )
            try:
                client = Client(f"http://127.0.0.1:{port}")
                _await(client, process, "/readyz" if command == "serve" else "/healthz")
                with client:
                    yield client
            finally:
                process.terminate()
                process.wait()


def _await(client: Client, process: subprocess.Popen[bytes], path: str) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while not _answers(client.url + path):
        if process.poll() is not None or time.monotonic() > end_s:
            raise RuntimeError("the service did not start; run `occam serve` to see why")
        time.sleep(0.01)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=1.0, trust_env=False).is_success
    except httpx2.TransportError:
        return False
