"""`occam jobs` and `occam cancel`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from occam.answers import Job
from occam.client import Client

JobId = Annotated[str, typer.Argument(metavar="ID", help="The job's id.")]


def jobs(
    status: Annotated[str | None, typer.Option(help="Only jobs with this status.")] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs with this name.")] = None,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 20,
) -> None:
    """List jobs, newest first."""
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "status", "progress", "name"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    with Client() as client:
        for job in islice(client.jobs(status=status, name=name), limit):
            table.add_row(job.id, job.status, job.progress.line(), Text(_title(job)))
    Console().print(table if table.row_count else "no jobs")


def cancel(job_id: JobId) -> None:
    """Cancel a job; what its runs have learnt so far stays."""
    with Client() as client:
        print(client.cancel(job_id).line())


def _title(job: Job) -> str:
    return (job.name or "–") + (f" ({job.why})" if job.why else "")
