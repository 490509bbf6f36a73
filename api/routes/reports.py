"""Reports and figures, in the representation that the client asks for."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from api import reports
from api.deps import Accept, House
from api.guard import json_of
from api.negotiation import negotiate
from api.openapi import problems, request_body
from api.reports import FIGURE_MEDIA, REPORT_MEDIA, ROWS_MEDIA, Overrides, ReportFormat
from api.routes.jobs import JobId
from api.schemas.reports import RowColumns
from api.schemas.requests import ReportRequest
from core.errors import TooLarge
from core.report.report import Report
from core.report.summary import Summary

router = APIRouter(tags=["reports"])
ROWS_JSON_MAX = 500_000  # lines; some hundred MB of text
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


@router.get(
    "/v1/jobs/{job_id}/report/rows",
    response_model=RowColumns,
    responses={
        200: {
            "description": "The scores.",
            "content": {"text/csv": {"schema": {"type": "string"}}},
        },
        **problems(404, 406, 413),
    },
)
def get_rows(
    house: House,
    job_id: JobId,
    format: Annotated[
        Literal["csv", "json"] | None,
        Query(description="The representation, whatever `Accept` says."),
    ] = None,
    accept: Accept = None,
    metric: Metric = None,
    rule: RuleChoice = None,
) -> Response:
    """List the scores of single test rows that the report is computed from.

    A line for each test row of each run that its fold's validation rows chose, with the row's
    number in the dataset, its target, what it scored, and the answer: enough to compute every
    interval and test again. CSV, or columns as JSON.
    """
    form = negotiate(accept, format, ROWS_MEDIA)
    found = reports.rows(house, job_id, Overrides(metric, rule))
    headers = {"vary": "accept", "cache-control": "no-cache"}
    if form == "csv":
        return StreamingResponse(found.csv(), media_type=ROWS_MEDIA["csv"], headers=headers)
    if found.lines > ROWS_JSON_MAX:
        raise TooLarge(
            f"{found.lines:,} rows are more than the {ROWS_JSON_MAX:,} that go into one JSON "
            "answer; ask for CSV, which is sent as it is read."
        )
    answer = RowColumns(lines=found.lines, columns=found.whole())
    return Response(answer.model_dump_json(), media_type=ROWS_MEDIA["json"], headers=headers)


@router.post(
    "/v1/reports",
    response_model=Report | Summary,
    responses={
        200: {"description": "The comparison.", "content": _REPORT_CONTENT},
        **problems(404, 406, 413, 415),
    },
    openapi_extra=request_body("ReportRequest"),
)
def post_report(
    request: Request, house: House, format: Format = None, accept: Accept = None
) -> Response:
    """Compare the arms of several jobs.

    On one dataset and split, row by row in one report. Over several datasets, a summary: arms are
    matched by name and compared by their ranks, with Friedman's test and Nemenyi's critical
    difference; `datasets` has what was found on each.
    """
    wanted = ReportRequest.read(json_of(request))
    form = negotiate(accept, format, REPORT_MEDIA)
    overrides = Overrides(wanted.metric, wanted.rule, wanted.practical)
    return _answer(reports.together(house, wanted.jobs, overrides, form), REPORT_MEDIA[form])


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
