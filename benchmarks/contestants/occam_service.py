"""Occam as a service: POST over HTTP, wait, GET the report."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
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
    """Submit, wait, fetch the report; returns the best mean validation accuracy of a setting, of
    values 1 - mse. Any: JSON."""
    job = client.wait(client.submit(body), check=True)
    scores = [setting.scores for arm in client.report(job).arms for setting in arm.settings]
    if "val_accuracy" in scores[0]:
        return max(score["val_accuracy"].mean or 0.0 for score in scores)
    return max(1 - (score["val_mse"].mean or 1.0) for score in scores)


@contextmanager
def service(*commands: str, settings: Mapping[str, str] | None = None) -> Iterator[Client]:
    """A service of its own on a free port, with an empty data folder; stopped afterwards.

    commands: `serve` where none is named, else `api` and as many times `worker` as wanted.
    """
    with TemporaryDirectory(prefix="occam-bench-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        probe.close()
        options = {"OCCAM_PORT": str(port), "OCCAM_DATA_DIR": folder, **(settings or {})}
        with Path(folder, "log").open("wb") as log:
            processes = [
                subprocess.Popen(
                    [sys.executable, "-m", "occam", command],
                    env=os.environ | options,
                    stdout=log,
                    stderr=log,
                )
                for command in commands or ("serve",)
            ]
            try:
                client = Client(f"http://127.0.0.1:{port}")
                _await(client, processes, "/healthz" if commands == ("api",) else "/readyz")
                with client:
                    yield client
            finally:
                for process in processes:
                    process.terminate()
                for process in processes:
                    process.wait()


def _await(client: Client, processes: list[subprocess.Popen[bytes]], path: str) -> None:
    end_s = time.monotonic() + START_TIMEOUT_S
    while not _answers(client.url + path):
        ended = any(process.poll() is not None for process in processes)
        if ended or time.monotonic() > end_s:
            raise RuntimeError("the service did not start; run `occam serve` to see why")
        time.sleep(0.01)


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url, timeout=1.0, trust_env=False).is_success
    except httpx2.TransportError:
        return False
