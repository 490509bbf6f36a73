from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx2
import pytest

from core.lifeline import ASKED
from tests.api.conftest import LEAST
from tests.waiting import PATIENCE_S, until

ROOT = Path(__file__).parents[2]


def environment(**settings: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OCCAM_")}
    asked = {ASKED: str(os.getpid())}
    return kept | asked | {f"OCCAM_{name}": value for name, value in settings.items()}


def run(**settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "api"],
        cwd=ROOT, env=environment(**settings), capture_output=True, text=True, timeout=PATIENCE_S,
    )  # fmt: skip


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@contextmanager
def started(data_dir: Path) -> Iterator[tuple[subprocess.Popen[bytes], httpx2.Client]]:
    """`python -m api` as a process, once it answers."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "api"],
        cwd=ROOT,
        env=environment(DATA_DIR=str(data_dir), PORT=str(port), LOG_FORMAT="json"),
        stderr=subprocess.PIPE,
    )
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as client:
        try:

            def answers() -> bool:
                assert process.poll() is None, process.stderr and process.stderr.read()
                with suppress(httpx2.ConnectError):
                    return client.get("/healthz").is_success
                return False

            until(answers)
            yield process, client
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_it_refuses_to_listen_to_others_without_keys(tmp_path: Path, host: str) -> None:
    ended = run(HOST=host, DATA_DIR=str(tmp_path))

    assert ended.returncode == 2
    assert "OCCAM_API_KEYS" in ended.stderr
    assert len(ended.stderr.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_is_named_in_a_sentence(tmp_path: Path) -> None:
    ended = run(PORT="many", DATA_DIR=str(tmp_path))

    assert ended.returncode == 2
    assert ended.stderr.startswith("OCCAM_PORT: ")
    assert "Traceback" not in ended.stderr


def test_it_migrates_serves_and_stops_at_once_with_a_stream_open(data_dir: Path) -> None:
    with started(data_dir) as (process, client):
        job = client.post("/v1/jobs", json=LEAST).json()
        with client.stream("GET", job["links"]["stream"]) as stream:
            lines = stream.iter_lines()
            assert next(lines).startswith("retry: ")
            process.send_signal(signal.SIGTERM)
            list(lines)
        _, log = process.communicate(timeout=PATIENCE_S)

    assert process.returncode in (0, -signal.SIGTERM)
    assert b'"path": "/v1/jobs"' in log
    assert b"Traceback" not in log
    assert b"timeout graceful shutdown exceeded" not in log


def test_what_was_accepted_is_there_after_a_kill(data_dir: Path) -> None:
    with started(data_dir) as (process, client):
        job = client.post("/v1/jobs", json=LEAST).json()
        process.kill()

    with started(data_dir) as (_, client):
        assert client.get(job["links"]["self"]).json() == job


def test_starting_imports_nothing_heavy() -> None:
    program = (
        "import sys, api.__main__;"
        "heavy = {'torch', 'sklearn', 'scipy', 'celery', 'vl_convert'} & set(sys.modules);"
        "assert not heavy, heavy"
    )

    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert ended.returncode == 0, ended.stderr
