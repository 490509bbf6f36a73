"""`occam serve`, `api`, `worker` and `migrate`: start the service's processes."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from occam.lifeline import die_if_asked
from occam.supervisor import Child, Supervisor

READY_TIMEOUT_S = 1.0
SHUTDOWN_GRACE_S = 20.0  # the service's default of OCCAM_SHUTDOWN_GRACE_S
WORKER_EXTRA_S = 15.0  # on top: ten to end a trainer that did not react, five to sign off

Host = Annotated[str | None, typer.Option(help="Address to listen on.", show_default="127.0.0.1")]
Port = Annotated[
    int | None,
    typer.Option(help="Port; 0 takes a free one.", show_default="8000", min=0, max=65535),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        help="Database, artifacts and logs.", show_default="./occam-data", file_okay=False
    ),
]


def serve(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start the whole service on this machine: the API and one worker.

    Every setting is an OCCAM_* environment variable; the options here win over them.
    """
    env = environment(host, port, data_dir)
    die_if_asked(env)
    address, number = env.get("OCCAM_HOST", "127.0.0.1"), int(env.get("OCCAM_PORT", "8000"))
    number = _free_port(address, number)
    env["OCCAM_PORT"] = str(number)
    if sys.stderr.isatty():
        env.setdefault("OCCAM_LOG_FORMAT", "text")
    url = f"http://{_reachable(address)}:{number}"
    probe = httpx2.Client(base_url=url, timeout=READY_TIMEOUT_S, trust_env=False)
    supervisor = Supervisor(
        [
            Child("API", module("api"), vital=True),
            Child("worker", module("worker"), grace_s=_worker_grace_s(env)),
        ],
        env,
        is_ready=lambda: _is_ready(probe),
        on_ready=lambda: _say(
            f"Occam is ready at {url} (documentation: {url}/docs, "
            f"data: {env.get('OCCAM_DATA_DIR', 'occam-data')}). Ctrl-C stops it."
        ),
        say=_say,
    )
    raise typer.Exit(supervisor.run())


def api(host: Host = None, port: Port = None, data_dir: DataDir = None) -> None:
    """Start the API alone."""
    _become(module("api"), environment(host, port, data_dir))


def worker(data_dir: DataDir = None) -> None:
    """Start one worker alone, on the device that OCCAM_DEVICE names."""
    _become(module("worker"), environment(None, None, data_dir))


def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to the schema of this version."""
    _become(module("core.store.migrate"), environment(None, None, data_dir))


def module(name: str) -> list[str]:
    """The command that runs a module of the service with this interpreter.

    `-P` keeps the working directory off the path: a folder `api` there is none of ours.
    """
    return [sys.executable, "-P", "-m", name]


def environment(host: str | None, port: int | None, data_dir: Path | None) -> dict[str, str]:
    """This process's environment with the options on top."""
    options = {
        "OCCAM_HOST": host,
        "OCCAM_PORT": None if port is None else str(port),
        "OCCAM_DATA_DIR": None if data_dir is None else str(data_dir),
    }
    chosen = {name: value for name, value in options.items() if value is not None}
    return {**os.environ, "PYTHONUNBUFFERED": "1", **chosen}


def _worker_grace_s(env: Mapping[str, str]) -> float:
    """Longer than the worker itself waits for an epoch's end: a kill would cost an attempt."""
    try:
        own_s = float(env.get("OCCAM_SHUTDOWN_GRACE_S", SHUTDOWN_GRACE_S))
    except ValueError:  # the service itself refuses it, in a sentence
        own_s = SHUTDOWN_GRACE_S
    return own_s + WORKER_EXTRA_S


def _become(command: list[str], env: dict[str, str]) -> None:
    """Replace this process, so that signals reach the service directly, as PID 1 too."""
    os.execve(command[0], command, env)


def _free_port(host: str, port: int) -> int:
    """The port itself, or a free one for 0. Ends the program with a sentence when it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except (OSError, UnicodeError) as error:
            _say(f"cannot listen on {host} port {port}: {error}. Choose another with --port.")
            raise typer.Exit(1) from error
        return int(probe.getsockname()[1])


def _reachable(host: str) -> str:
    """The address under which this machine reaches a server bound to `host`."""
    known = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}  # noqa: S104, not a bind
    return known.get(host) or (f"[{host}]" if ":" in host else host)


def _is_ready(probe: httpx2.Client) -> bool:
    try:
        return probe.get("/readyz").is_success
    except httpx2.TransportError:
        return False


def _say(line: str) -> None:
    print(line, flush=True)
