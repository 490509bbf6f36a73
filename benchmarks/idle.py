"""What a service costs that has nothing to do, and how soon it does something.

    python -m benchmarks.idle [--seconds 60] [--json out.json]
    python -m benchmarks.idle --postgres postgresql+psycopg://… --redis redis://…/9

Processor time in per cent of one core, of each process, over a while in which nothing happens:
alone, and while clients follow a paused job. Then, each time after a pause: the time from POST to
a worker's claim by the database's clock, and from POST to the first metric of the stream. With the
addresses of both servers the same for an API and a worker as two processes of a cluster.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import os
import random
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import httpx2
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import create_engine, make_url, text

from benchmarks.contestants.occam_service import service
from benchmarks.service import QUICK, Rows
from occam import Client

SETTLING_S = 8.0  # threads that were needed for a start end, sockets of its clients close
PAUSE_S = 1.0, 1.5  # before a POST; random, so that no phase of a poll is met on purpose
NAMES = {
    "-m occam serve": "occam serve",
    "-m api": "API",
    "-m worker.trainer": "trainer",
    "-m worker": "worker",
}


def idleness(client: Client, seconds: float, followers: int) -> Rows:
    """Per cent of a core of each process, alone and with followers of a paused job."""
    client.wait(client.submit(QUICK), check=True)
    alone = _spent(seconds)
    job = client.submit({**QUICK, "epochs": 10_000})
    next(event for event in client.stream(job) if event.type == "metrics")
    client.pause(job)
    while client.job(job).status != "paused":
        time.sleep(0.05)
    followed = asyncio.run(_followed(client, job.id, followers, seconds))
    client.cancel(job)
    return {f"idle {name}, % of a core": share for name, share in alone.items()} | {
        f"idle {name} beside {followers} followers, % of a core": share
        for name, share in followed.items()
    }


def promptness(client: Client, repetitions: int) -> Rows:
    """Milliseconds from POST to the claim and to the first metric, on a service at rest."""
    client.wait(client.submit(QUICK), check=True)
    taken_ms, metric_ms = [], []
    for _ in range(repetitions):
        time.sleep(random.uniform(*PAUSE_S))
        began = time.perf_counter()
        job = client.submit(QUICK)
        next(event for event in client.stream(job) if event.type == "metrics")
        metric_ms.append(1000 * (time.perf_counter() - began))
        done = client.wait(job)
        assert done.created_at is not None, "every job was posted"
        assert done.started_at is not None, "a job that logged a metric has started"
        taken_ms.append(1000 * (done.started_at - done.created_at).total_seconds())
    return {
        "POST to claim, median ms": statistics.median(taken_ms),
        "POST to claim, most ms": max(taken_ms),
        "POST to first metric, median ms": statistics.median(metric_ms),
        "POST to first metric, most ms": max(metric_ms),
    }


async def _followed(client: Client, job_id: str, count: int, seconds: float) -> Rows:
    limits = httpx2.Limits(max_connections=count + 1)
    async with httpx2.AsyncClient(
        base_url=client.url, limits=limits, timeout=None, trust_env=False
    ) as http:
        connected = asyncio.Barrier(count + 1)
        streams = [asyncio.create_task(_follow(http, job_id, connected)) for _ in range(count)]
        await connected.wait()
        spent = await asyncio.to_thread(_spent, seconds)
        for stream in streams:
            stream.cancel()
        await asyncio.gather(*streams, return_exceptions=True)
    return spent


async def _follow(http: httpx2.AsyncClient, job_id: str, connected: asyncio.Barrier) -> None:
    async with http.stream("GET", f"/v1/jobs/{job_id}/stream") as answer:
        chunks = answer.aiter_raw()
        await anext(chunks)
        await connected.wait()
        async for _ in chunks:
            pass


def _spent(seconds: float) -> Rows:
    """Per cent of a core that each of our descendants used, over so many seconds from soon on."""
    time.sleep(SETTLING_S)
    before = {pid: _processor_s(pid) for pid in _descendants(os.getpid())}
    began = time.perf_counter()
    time.sleep(seconds)
    passed_s = time.perf_counter() - began
    rows: Rows = {}
    for pid, used_s in before.items():
        name = _name(pid)
        rows[name] = rows.get(name, 0.0) + 100 * (_processor_s(pid) - used_s) / passed_s
    return rows | {"processes together": sum(rows.values())}


def _processor_s(pid: int) -> float:
    """User and system time of all its threads, also those that have ended."""
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _descendants(pid: int) -> Iterator[int]:
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            yield child
            yield from _descendants(child)


def _name(pid: int) -> str:
    words = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return next((name for end, name in NAMES.items() if end in words), words)


@contextmanager
def _cluster(postgres: str, redis: str) -> Iterator[Mapping[str, str]]:
    """The settings of a cluster on a database of its own, dropped afterwards."""
    server, name = make_url(postgres), f"occam_bench_{uuid4().hex[:12]}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
        url = server.set(database=name).render_as_string(hide_password=False)
        try:
            yield {"OCCAM_DATABASE_URL": url, "OCCAM_BROKER_URL": redis}
        finally:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    engine.dispose()


def main(
    seconds: Annotated[float, typer.Option(min=1)] = 60.0,
    repetitions: Annotated[int, typer.Option(min=1)] = 20,
    followers: Annotated[int, typer.Option(min=1)] = 20,
    postgres: Annotated[str | None, typer.Option(help="A server to make a database on.")] = None,
    redis: Annotated[str | None, typer.Option(help="An empty database of a server.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write the numbers here.")] = None,
) -> None:
    """Measure a service at rest; prints one table for each way to deploy it."""
    found: dict[str, Rows] = {}
    with service() as client:
        found["occam serve"] = promptness(client, repetitions)
        found["occam serve"] |= idleness(client, seconds, followers)
    if postgres is not None and redis is not None:
        with (
            _cluster(postgres, redis) as settings,
            service("api", "worker", settings=settings) as client,
        ):
            found["cluster"] = promptness(client, repetitions)
            found["cluster"] |= idleness(client, seconds, followers)
    for title, rows in found.items():
        table = Table("what", title=title, title_justify="left")
        table.add_column("", justify="right")
        for name, value in rows.items():
            table.add_row(name, f"{value:.3g}")
        Console(width=100).print(table)
    if json is not None:
        json.write_text(jsonlib.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
