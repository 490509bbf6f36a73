"""Times what a client of the service waits for.

    python -m benchmarks.service [--followers 200] [--json out.json]

API start (process to first answer), submit (warm, median), time from POST to the first metric
(warm), and a plain GET while many clients follow one job live.
"""

from __future__ import annotations

import asyncio
import json as jsonlib
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx2
import typer
from rich.console import Console
from rich.table import Table

from benchmarks.contestants.occam_service import service
from occam import Client

QUICK: dict[str, Any] = {  # Any: JSON
    "dataset": "digits",
    "architecture": "mlp",
    "loss": "cross_entropy",
    "regularizer": "l2",
    "lambda": 0.01,
    "epochs": 2,
    "folds": 1,
    "seeds": 1,
}
Rows = dict[str, float]


def api_start(repetitions: int) -> Rows:
    """Seconds from starting the process to the first 200 of /healthz, on an empty folder."""
    seconds = []
    for _ in range(repetitions):
        began = time.perf_counter()
        with service("api"):
            seconds.append(time.perf_counter() - began)
    return {"API start, median s": statistics.median(seconds)}


def submit_latency(client: Client, posts: int) -> Rows:
    """Milliseconds of POST /v1/jobs on an open connection, with nobody training."""
    client.submit(QUICK)
    taken = sorted(_timed(lambda: client.submit(QUICK)) for _ in range(posts))
    return {
        "submit, median ms": 1000 * statistics.median(taken),
        "submit, p95 ms": 1000 * taken[int(0.95 * (posts - 1))],
    }


def first_metric(client: Client, repetitions: int) -> Rows:
    """Milliseconds from POST to the first metrics event of the stream, with a warm trainer."""
    client.wait(client.submit(QUICK), check=True)

    taken = []
    for _ in range(repetitions):
        began = time.perf_counter()
        job = client.submit(QUICK)
        next(event for event in client.stream(job) if event.type == "metrics")
        taken.append(time.perf_counter() - began)
        client.wait(job)
    return {"POST to first metric, median ms": 1000 * statistics.median(taken)}


def followers(client: Client, count: int) -> Rows:
    """How a plain GET fares, and when the last follower ends, while `count` follow one job."""
    return asyncio.run(_followed(client, count))


async def _followed(client: Client, count: int) -> Rows:
    job = client.submit({**QUICK, "epochs": 200, "seeds": 20})
    limits = httpx2.Limits(max_connections=count + 10)
    async with httpx2.AsyncClient(
        base_url=client.url, limits=limits, timeout=120, trust_env=False
    ) as http:
        began = time.perf_counter()
        streams = [asyncio.create_task(_follow(http, job.id)) for _ in range(count)]
        gets = asyncio.create_task(_plain_gets(http, job.id, streams))
        ids = await asyncio.gather(*streams)
        ended_s = time.perf_counter() - began
        taken = sorted(await gets)
    assert all(each == ids[0] for each in ids), "followers saw different histories"
    assert ids[0] == sorted(set(ids[0])), "a follower saw an event twice or out of order"
    return {
        f"plain GET beside {count} followers, median ms": 1000 * statistics.median(taken),
        f"plain GET beside {count} followers, p95 ms": 1000 * taken[int(0.95 * (len(taken) - 1))],
        f"job followed by {count}, s": ended_s,
        "events that each follower saw": float(len(ids[0])),
    }


async def _follow(http: httpx2.AsyncClient, job_id: str) -> list[int]:
    seen: list[int] = []
    async with http.sse(f"/v1/jobs/{job_id}/stream") as source:
        async for event in source:
            if event.event == "end":
                return seen
            if event.data:
                seen.append(int(event.id))
    raise RuntimeError("a stream closed before its end")


async def _plain_gets(
    http: httpx2.AsyncClient, job_id: str, streams: list[asyncio.Task[list[int]]]
) -> list[float]:
    taken = []
    while not all(stream.done() for stream in streams):
        began = time.perf_counter()
        (await http.get(f"/v1/jobs/{job_id}")).raise_for_status()
        taken.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)
    return taken


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def main(
    repetitions: Annotated[int, typer.Option(min=1)] = 5,
    posts: Annotated[int, typer.Option(min=1)] = 100,
    follow: Annotated[int, typer.Option("--followers", min=1)] = 200,
    json: Annotated[Path | None, typer.Option(help="Also write the numbers here.")] = None,
) -> None:
    """Time what a client of the service waits for; prints one table."""
    rows = api_start(repetitions)
    with service("api") as client:
        rows |= submit_latency(client, posts)
    with service() as client:
        rows |= first_metric(client, repetitions)
        rows |= followers(client, follow)
    table = Table("what", title="service", title_justify="left")
    table.add_column("", justify="right")
    for name, value in rows.items():
        table.add_row(name, f"{value:.4g}")
    Console(width=100).print(table)
    if json is not None:
        json.write_text(jsonlib.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
