"""Jobs on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, WithJsonSchema

from api.schemas.outgoing import Outgoing
from api.schemas.page import Page
from api.schemas.problem import Failure

JobStatus = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
# The schema of a spec belongs to core; `api.openapi` puts it where this mark stands.
SpecDocument = Annotated[
    dict[str, JsonValue], WithJsonSchema({"type": "object", "x-schema": "JobSpec"})
]


class Progress(Outgoing):
    """How far a job is."""

    runs_total: Annotated[int, Field(description="Runs of the job.")]
    runs_done: Annotated[int, Field(description="Runs that have ended, in whatever way.")]
    epochs_total: Annotated[int, Field(description="Epochs of all runs together, at most.")]
    epochs_done: Annotated[int, Field(description="Epochs trained so far, of all runs.")]
    eta_s: Annotated[
        float | None,
        Field(description="Seconds to go at the mean pace so far; null while unknown."),
    ]


class JobLinks(Outgoing):
    """Where to go from a job."""

    self: Annotated[str, Field(description="The job.")]
    runs: Annotated[str, Field(description="Its runs.")]
    metrics: Annotated[str, Field(description="Every logged value.")]
    events: Annotated[str, Field(description="What happened, in order.")]
    stream: Annotated[str, Field(description="The same, live (server-sent events).")]
    report: Annotated[str, Field(description="The comparison.")]


class Job(Outgoing):
    """One comparison: its arms, settings and replicates trained together."""

    id: Annotated[str, Field(description="Id of the job.", pattern="^job_")]
    object: Annotated[Literal["job"], Field(description="Always `job`.")] = "job"
    name: Annotated[str | None, Field(description="The name the client gave it.")]
    status: Annotated[
        JobStatus,
        Field(description="`succeeded`, `failed` and `cancelled` are final and never change."),
    ]
    spec: Annotated[
        SpecDocument, Field(description="The resolved specification, every default filled in.")
    ]
    progress: Annotated[Progress, Field(description="How far it is.")]
    waiting: Annotated[
        str | None,
        Field(
            description="While it is queued and no worker serves its device: so, and the remedy."
            " Null otherwise."
        ),
    ]
    error: Annotated[Failure | None, Field(description="Why it failed, in one sentence.")]
    created_at: Annotated[datetime, Field(description="When it was posted (UTC).")]
    started_at: Annotated[datetime | None, Field(description="When its first run started.")]
    finished_at: Annotated[datetime | None, Field(description="When it became final.")]
    links: Annotated[JobLinks, Field(description="Where to go from here.")]


class JobPage(Page[Job]):
    """Jobs, newest first."""


class DryRun(Outgoing):
    """What a job would be and cost; nothing was stored."""

    object: Annotated[Literal["dry_run"], Field(description="Always `dry_run`.")] = "dry_run"
    spec: Annotated[
        SpecDocument, Field(description="The resolved specification, every default filled in.")
    ]
    arms: Annotated[int, Field(description="Alternatives compared.")]
    settings: Annotated[int, Field(description="Settings of all arms together.")]
    runs: Annotated[int, Field(description="Settings times seeds, repeats, folds and inner folds.")]
    cohorts: Annotated[int, Field(description="Groups of runs that would train together.")]
    parameters: Annotated[int, Field(description="Trainable numbers of the largest run.")]
    memory_bytes: Annotated[int, Field(description="Estimated peak of the largest cohort.")]
    time_s: Annotated[
        float | None, Field(description="Rough seconds on one device; null if unknown.")
    ]
    notes: Annotated[
        list[str],
        Field(description="What would run and is likely not meant, or what it would wait for."),
    ]
