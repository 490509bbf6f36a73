"""`occam jobs`, and what is done to one: `pause`, `resume`, `cancel`, `delete`."""

from __future__ import annotations

from itertools import islice
from typing import Annotated

import typer

from occam.answers import Job
from occam.cli.table import print_table
from occam.client import Client

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id.")]


def jobs(
    status: Annotated[str | None, typer.Option(help="Only jobs with this status.")] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs with this name.")] = None,
    limit: Annotated[int, typer.Option(help="At most this many.", min=1)] = 20,
) -> None:
    """List jobs, newest first, one line each."""
    with Client() as client:
        found = islice(client.jobs(status=status, name=name), limit)
        rows = [(job.id, job.status, job.progress.line(), _title(job)) for job in found]
    print_table(("id", "status", "progress", "name"), rows, empty="no jobs", cut="name")


def pause(job_id: JobId) -> None:
    """Checkpoint a job and release the device until it is resumed."""
    with Client() as client:
        print(client.pause(job_id).line())


def resume(job_id: JobId) -> None:
    """Let a paused job go on from its checkpoints."""
    with Client() as client:
        print(client.resume(job_id).line())


def cancel(job_id: JobId) -> None:
    """Cancel a job; what its runs have learnt so far stays."""
    with Client() as client:
        print(client.cancel(job_id).line())


def delete(job_id: JobId) -> None:
    """Delete a finished job with its metrics, checkpoints and report."""
    with Client() as client:
        client.delete(job_id)
    print(f"deleted {job_id}")


def _title(job: Job) -> str:
    return (job.name or "–") + (f" ({job.why})" if job.why else "")
