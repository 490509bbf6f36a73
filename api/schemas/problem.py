"""Errors on the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from api.schemas.outgoing import Outgoing


class ProblemFault(Outgoing):
    """One thing wrong in the body: where and what."""

    pointer: Annotated[
        str, Field(description="RFC 6901 pointer into the body; empty for the whole of it.")
    ]
    detail: Annotated[str, Field(description="What is wrong there and the way out.")]


class Problem(Outgoing):
    """RFC 9457 problem details."""

    model_config = ConfigDict(
        json_schema_serialization_defaults_required=False,
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:occam:problem:invalid_spec",
                    "title": "The specification is not valid",
                    "status": 422,
                    "detail": "-1 should be at least 0",
                    "instance": "/v1/jobs",
                    "code": "invalid_spec",
                    "request_id": "req_01jd5y3k9q8f",
                    "errors": [{"pointer": "/lambda", "detail": "-1 should be at least 0"}],
                }
            ]
        },
    )

    type: Annotated[str, Field(description="A URI that names the kind of problem.")]
    title: Annotated[str, Field(description="The kind of problem in a few words.")]
    status: Annotated[int, Field(description="The HTTP status.", ge=400, le=599)]
    detail: Annotated[str, Field(description="A sentence that names the value and the way out.")]
    instance: Annotated[str, Field(description="The path that was asked for.")]
    code: Annotated[str, Field(description="The kind of problem as one stable word.")]
    request_id: Annotated[str, Field(description="Quote this when you report the problem.")]
    errors: Annotated[
        list[ProblemFault], Field(description="Each fault of the body, where there are any.")
    ] = []


class Failure(Outgoing):
    """Why a job or run failed: a problem without an HTTP status, since no request failed."""

    type: Annotated[str, Field(description="A URI that names the kind of failure.")]
    title: Annotated[str, Field(description="The kind of failure in a few words.")]
    detail: Annotated[str, Field(description="A sentence that names the cause and the remedy.")]
    code: Annotated[
        str,
        Field(
            description="The reason as one stable word.",
            examples=["worker_lost", "oom_device", "diverged", "deadline", "dataset_changed"],
        ),
    ]
