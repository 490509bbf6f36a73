"""`occam submit` and `occam follow`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from occam.answers import Estimate, Job, duration
from occam.cli.files import read_json
from occam.cli.jobs import JobId
from occam.cli.report import show
from occam.client import Client
from occam.following import Standing, standings

EXIT_INTERRUPTED = 130


def submit(
    path: Annotated[str, typer.Argument(metavar="JOB.json", help="The job; - reads stdin.")],
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Watch it, then print the verdict.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only check it and say what it would cost.")
    ] = False,
) -> None:
    """Submit a job; prints its id."""
    spec = read_json(path)
    with Client() as client:
        if dry_run:
            print(_cost(client.submit(spec, dry_run=True)))
            return
        job = client.submit(spec)
        if not follow:
            print(job.id)
            return
        print(f"{job.id} submitted to {client.url}")
        _follow(client, job)


def follow(job_id: JobId) -> None:
    """Watch a job that was submitted before, then print the verdict."""
    with Client() as client:
        _follow(client, client.job(job_id))


def _cost(estimate: Estimate) -> str:
    parts = [
        None if estimate.settings is None else f"{estimate.settings} settings",
        None if estimate.runs is None else f"{estimate.runs} runs",
        None if estimate.cohorts is None else f"{estimate.cohorts} cohorts",
        None if estimate.memory_bytes is None else f"{estimate.memory_bytes / 1e6:.0f} MB",
        None if estimate.time_s is None else f"about {duration(estimate.time_s)}",
    ]
    return "valid: " + ", ".join(part for part in parts if part)


def _follow(client: Client, job: Job) -> None:
    try:
        job = _watch(standings(client, job), Console())
    except KeyboardInterrupt:
        print(f"\nit goes on without you; occam follow {job.id} comes back, occam cancel stops it")
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if job.status != "succeeded":
        print(job.line(), file=sys.stderr)
        raise typer.Exit(1)
    show(client.report(job))


def _watch(found: Iterator[Standing], console: Console) -> Job:
    """Draw each standing: in place on a terminal, as plain lines elsewhere."""
    standing: Standing | None = None
    if console.is_terminal:
        with Live(console=console, transient=True) as live:
            for standing in found:
                live.update(_drawn(standing))
    else:
        for standing in found:
            print(standing.line(), flush=True)
    assert standing is not None, "a job has at least one standing"
    return standing.job


def _drawn(standing: Standing) -> Group:
    progress = standing.job.progress
    head = Table.grid(padding=(0, 1))
    head.add_row(
        ProgressBar(total=1.0, completed=progress.fraction, width=30),
        Text(f"{standing.job.status} · {progress.line()}"),
    )
    arms = Table(box=None, pad_edge=False, show_header=bool(standing.best))
    arms.add_column("arm")
    arms.add_column(f"{standing.metric} of the best setting", justify="right")
    for arm, score in standing.best.items():
        arms.add_row(Text(arm), f"{score:.4g}")
    return Group(head, arms)
