"""A job's runs, values, events and live stream."""

from __future__ import annotations

from typing import Annotated, Literal

import anyio.to_thread
from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from api import history, runs
from api.deps import Accept, After, House, Limit
from api.metrics_csv import MEDIA, metrics_csv
from api.negotiation import negotiate
from api.openapi import problems
from api.routes.jobs import JobId
from api.schemas.runs import EventPage, MetricPage, RunPage, RunStatus
from api.stream import EventStream, follow, position_of
from core.errors import NotFound, TooManyRequests
from core.store.runs import RunFilter

router = APIRouter(prefix="/v1/jobs/{job_id}", tags=["jobs"])
MESSAGE = {
    "type": "object",
    "description": "One message; its data is the JSON text of an event.",
    "properties": {
        "id": {"type": "string", "description": "The event's number; absent for `end`."},
        "event": {"type": "string", "enum": ["metrics", "event", "status", "end"]},
        "data": {"type": "string", "contentMediaType": "application/json"},
        "retry": {"type": "integer", "description": "Milliseconds before coming back."},
    },
}
ArmName = Annotated[str | None, Query(description="Only this arm.", max_length=200)]


@router.get("/runs", responses=problems(404))
def list_runs(
    house: House,
    job_id: JobId,
    limit: Limit,
    after: After = None,
    arm: ArmName = None,
    status: Annotated[RunStatus | None, Query(description="Only runs of this status.")] = None,
    seed: Annotated[int | None, Query(description="Only this seed.", ge=0)] = None,
    repeat: Annotated[int | None, Query(description="Only this repeat, from 0.", ge=0)] = None,
    fold: Annotated[int | None, Query(description="Only this outer fold, from 0.", ge=0)] = None,
) -> RunPage:
    """List a job's runs in the order of its specification."""
    only = RunFilter(arm=arm, status=status, seed=seed, repeat=repeat, fold=fold)
    return runs.page(house, job_id, only=only, limit=limit, after=after)


@router.get(
    "/metrics",
    response_model=MetricPage,
    response_model_exclude_unset=True,
    responses={
        200: {
            "description": "A page of values; as CSV all of them.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **problems(404, 406),
    },
)
def list_metrics(
    house: House,
    job_id: JobId,
    limit: Limit,
    after: After = None,
    run: Annotated[str | None, Query(description="Only this run.", max_length=100)] = None,
    arm: ArmName = None,
    name: Annotated[
        str | None, Query(description="Only this metric, as in `val_accuracy`.", max_length=200)
    ] = None,
    format: Annotated[
        Literal["json", "csv"] | None,
        Query(description="The representation, whatever `Accept` says."),
    ] = None,
    accept: Accept = None,
) -> MetricPage | Response:
    """List logged values in the order they were written; `next` works while the job goes on.

    As CSV (`Accept: text/csv`) all of them come at once, whatever `limit` and `after` say, with
    the columns run, arm, seed, repeat, fold, inner_fold, epoch, name, value, kind.
    """
    wanted = history.PointFilter(run=run, arm=arm, name=name)
    if negotiate(accept, format, MEDIA) == "csv":
        lines = metrics_csv(house, job_id, wanted)
        return StreamingResponse(lines, media_type=MEDIA["csv"], headers={"vary": "accept"})
    return history.metrics_page(house, job_id, wanted, limit=limit, after=after)


@router.get("/events", responses=problems(404))
def list_events(house: House, job_id: JobId, limit: Limit, after: After = None) -> EventPage:
    """List what happened, oldest first; `next` works while the job goes on."""
    return history.events_page(house, job_id, limit=limit, after=after)


@router.get(
    "/stream",
    status_code=200,
    response_class=EventStream,
    responses={
        200: {
            "description": "Messages of the events `metrics`, `event` and `status`, each with its"
            " number as id and JSON as data; comments as heartbeat; at last `end`.",
            "content": {"text/event-stream": {"schema": MESSAGE}},
        },
        **problems(404, 429),
    },
)
async def stream_job(
    house: House,
    job_id: JobId,
    last_event_id: Annotated[
        str | None, Header(description="The id after which to go on; without it, from the start.")
    ] = None,
) -> EventStream:
    """Follow a job live (server-sent events); resume with `Last-Event-ID`."""
    source = house.tails.source
    pulse = (await anyio.to_thread.run_sync(source.pulses, [job_id])).get(job_id)
    if pulse is None:
        raise NotFound(f"There is no job {job_id!r}.")
    if house.tails.followers >= house.settings.streams_max:
        raise TooManyRequests(
            f"{house.settings.streams_max} streams are open, and OCCAM_STREAMS_MAX allows no"
            " more; poll /metrics with a cursor meanwhile.",
            retry_after_s=5.0,
        )
    after = position_of(last_event_id, pulse.last_seq)
    return EventStream(follow(job_id, after, tails=house.tails, telemetry=house.telemetry))
