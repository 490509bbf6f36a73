"""Reports and figures, in the representation that the client asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response

from api import reports
from api.deps import Accept, House
from api.guard import json_of
from api.negotiation import negotiate
from api.openapi import problems, request_body
from api.reports import FIGURE_MEDIA, REPORT_MEDIA, Overrides, ReportFormat
from api.routes.jobs import JobId
from api.schemas.requests import ReportRequest
from core.report.report import Report

router = APIRouter(tags=["reports"])
CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"
Format = Annotated[
    ReportFormat | None, Query(description="The representation, whatever `Accept` says.")
]
Metric = Annotated[
    str | None, Query(description="Choose by this metric, not the job's own.", max_length=64)
]
RuleChoice = Annotated[
    Literal["min", "1se"] | None, Query(description="Choose settings by this rule.")
]
Practical = Annotated[
    float | None,
    Query(description="Differences up to this are equivalent.", ge=0, allow_inf_nan=False),
]
_REPORT_CONTENT = {
    "text/html": {"schema": {"type": "string"}},
    "text/markdown": {"schema": {"type": "string"}},
    "text/csv": {"schema": {"type": "string"}},
}


@router.get(
    "/v1/jobs/{job_id}/report",
    response_model=Report,
    responses={
        200: {"description": "The comparison.", "content": _REPORT_CONTENT},
        **problems(404, 406),
    },
)
def get_report(
    house: House,
    job_id: JobId,
    format: Format = None,
    accept: Accept = None,
    metric: Metric = None,
    rule: RuleChoice = None,
    practical: Practical = None,
) -> Response:
    """Compare the arms of a job; while it runs, by what there is so far."""
    form = negotiate(accept, format, REPORT_MEDIA)
    content = reports.written(house, [job_id], Overrides(metric, rule, practical), form)
    return _answer(content, REPORT_MEDIA[form])


@router.post(
    "/v1/reports",
    response_model=Report,
    responses={
        200: {"description": "The comparison.", "content": _REPORT_CONTENT},
        **problems(404, 406, 413, 415),
    },
    openapi_extra=request_body("ReportRequest"),
)
def post_report(
    request: Request, house: House, format: Format = None, accept: Accept = None
) -> Response:
    """Compare the arms of several jobs on the same dataset and split."""
    wanted = ReportRequest.read(json_of(request))
    form = negotiate(accept, format, REPORT_MEDIA)
    overrides = Overrides(wanted.metric, wanted.rule, wanted.practical)
    return _answer(reports.written(house, wanted.jobs, overrides, form), REPORT_MEDIA[form])


@router.get(
    "/v1/jobs/{job_id}/figures/{name}",
    response_class=Response,
    responses={
        200: {
            "description": "The figure.",
            "content": {
                FIGURE_MEDIA["vega"]: {"schema": {"type": "object"}},
                "application/json": {"schema": {"type": "object"}},
                "image/svg+xml": {"schema": {"type": "string"}},
                "image/png": {"schema": {"type": "string", "format": "binary"}},
            },
        },
        **problems(404, 406),
    },
)
def get_figure(
    house: House,
    job_id: JobId,
    name: Annotated[
        str,
        Path(
            description="Name of the figure; a suffix `.svg`, `.png` or `.json` chooses its form.",
            max_length=100,
        ),
    ],
    format: Annotated[
        Literal["vega", "json", "svg", "png"] | None,
        Query(description="The representation, whatever suffix and `Accept` say."),
    ] = None,
    accept: Accept = None,
    metric: Metric = None,
    rule: RuleChoice = None,
) -> Response:
    """Draw one figure of a job's report: Vega-Lite, SVG or PNG."""
    plain, suffix = reports.split_suffix(name)
    form = negotiate(accept, format or suffix, FIGURE_MEDIA)
    content = reports.figure(house, job_id, plain, Overrides(metric, rule), form)
    return _answer(content, FIGURE_MEDIA[form])


def _answer(content: bytes, media: str) -> Response:
    return Response(
        content,
        media_type=media,
        headers={"content-security-policy": CSP, "vary": "accept", "cache-control": "no-cache"},
    )
