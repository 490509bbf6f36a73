"""Jobs: post, list, read, steer, delete."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Header, Path, Query, Request, Response

from api import jobs
from api.deps import After, House, Limit, Principal
from api.guard import json_of
from api.openapi import JOB_BODY, problems
from api.schemas.jobs import DryRun, Job, JobPage, JobStatus
from api.submit import estimate, submit

router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
JobId = Annotated[str, Path(description="Id of the job.", max_length=100)]
IdempotencyKey = Annotated[
    str | None,
    Header(
        description="The same key and body within 24 hours give the same job.",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
    ),
]


@router.post(
    "",
    status_code=201,
    response_model=Job,
    responses={
        200: {"model": DryRun, "description": "With `dry_run`: what it would be and cost."},
        201: {
            "description": "The job was stored and waits for a worker.",
            "headers": {
                "Location": {"description": "The job.", "schema": {"type": "string"}},
                "Idempotency-Replayed": {
                    "description": "`true` when this answers an earlier post again.",
                    "schema": {"type": "string", "enum": ["true"]},
                },
            },
        },
        **problems(413, 415),
    },
    openapi_extra=JOB_BODY,
)
def post_job(
    request: Request,
    house: House,
    principal: Principal,
    dry_run: Annotated[bool, Query(description="Only say what the job would be and cost.")] = False,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Post a job: one experiment, or a comparison of several arms."""
    body = json_of(request)
    if dry_run:
        return Response(estimate(house, body).model_dump_json(), media_type="application/json")
    answer = submit(house, body, principal=principal, key=idempotency_key)
    return Response(
        answer.body,
        status_code=answer.status,
        headers=dict(answer.headers),
        media_type="application/json",
    )


@router.get("", response_model=JobPage, responses=problems())
def list_jobs(
    house: House,
    limit: Limit,
    after: After = None,
    status: Annotated[JobStatus | None, Query(description="Only jobs of this status.")] = None,
    name: Annotated[
        str | None, Query(description="Only jobs of exactly this name.", max_length=200)
    ] = None,
) -> JobPage:
    """List jobs, newest first."""
    return jobs.page(house, status=status, name=name, limit=limit, after=after)


@router.get(
    "/{job_id}",
    response_model=Job,
    responses={
        200: {
            "description": "The job.",
            "headers": {
                "ETag": {"description": "Changes with the job.", "schema": {"type": "string"}}
            },
        },
        304: {"description": "It is as you know it."},
        **problems(404),
    },
)
async def get_job(
    house: House,
    job_id: JobId,
    wait: Annotated[
        float,
        Query(
            description="Seconds to wait for a change (from what `If-None-Match` names, else from"
            " now) before answering; brought down to the service's limit.",
            ge=0,
            allow_inf_nan=False,
        ),
    ] = 0.0,
    if_none_match: Annotated[
        str | None, Header(description="An ETag that you already have.", max_length=1000)
    ] = None,
) -> Response:
    """Read a job; with `wait`, answer as soon as it changes."""
    found = await anyio.to_thread.run_sync(jobs.read, house, job_id)
    if wait > 0 and not found.final and (if_none_match is None or found.matches(if_none_match)):
        timeout_s = min(wait, house.settings.wait_s_max)
        await house.tails.changed(job_id, found.version, timeout_s)
        found = await anyio.to_thread.run_sync(jobs.read, house, job_id)
    if found.matches(if_none_match):
        return Response(status_code=304, headers=found.headers)
    text = found.job.model_dump_json()
    return Response(text, headers=found.headers, media_type="application/json")


@router.post("/{job_id}/cancel", responses=problems(404, 409))
def cancel_job(house: House, job_id: JobId) -> Job:
    """Stop a job; what was trained so far stays."""
    return jobs.steer(house, job_id, "cancel")


@router.post("/{job_id}/pause", responses=problems(404, 409))
def pause_job(house: House, job_id: JobId) -> Job:
    """Checkpoint a job and give its device to others until it is resumed."""
    return jobs.steer(house, job_id, "pause")


@router.post("/{job_id}/resume", responses=problems(404, 409))
def resume_job(house: House, job_id: JobId) -> Job:
    """Let a paused job go on where it stopped."""
    return jobs.steer(house, job_id, "resume")


@router.delete("/{job_id}", status_code=204, responses=problems(404, 409))
def delete_job(house: House, job_id: JobId) -> None:
    """Delete a job with its runs, values and artifacts; a running job must be cancelled first."""
    jobs.delete(house, job_id)
