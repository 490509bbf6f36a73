"""Every failure becomes one `application/problem+json` (RFC 9457); no stack trace, no HTML."""

from __future__ import annotations

import http
import math
from collections.abc import Sequence
from typing import cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Scope

from api.faults import FAULTS_MAX, faults_of_request
from api.schemas.problem import Problem, ProblemFault
from core.errors import InvalidRequest, InvalidSpec, OccamError, Unauthorized

MEDIA_TYPE = "application/problem+json"
_log = structlog.get_logger("api")


def install(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Route every exception that reaches the framework to `problem`."""

    def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code != 405:
            return _framework_problem(request, error)
        known = _methods_at(request.scope["path"], routes)
        allow = {"allow": ", ".join(sorted(known))}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=allow)
        response = _framework_problem(request, error)
        response.headers.update(allow)
        return response

    app.add_exception_handler(OccamError, _on_occam)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, on_http)


def problem(error: OccamError, scope: Scope) -> Response:
    """The response that tells a client about `error`."""
    headers: dict[str, str] = {}
    if isinstance(error, Unauthorized):
        headers["www-authenticate"] = 'Bearer realm="occam"'
    retry_after_s = getattr(error, "retry_after_s", None)
    if retry_after_s is not None:
        headers["retry-after"] = str(math.ceil(retry_after_s))
    body = Problem(
        type=f"urn:occam:problem:{error.code}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=shown_path(scope),
        code=error.code,
        request_id=request_id(scope),
        errors=[
            ProblemFault(pointer=fault.pointer, detail=fault.detail)
            for fault in error.faults[:FAULTS_MAX]
        ],
    )
    return _respond(body, headers)


def internal_problem(scope: Scope) -> Response:
    """What a client hears of a fault of ours: nothing but the id to report."""
    error = OccamError("Something went wrong on our side; report the request id.")
    return problem(error, scope)


def request_id(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", ""))


def shown_path(scope: Scope) -> str:
    """The request's path as a short, printable URI reference."""
    raw = cast(bytes, scope.get("raw_path") or str(scope.get("path", "")).encode())
    return raw.decode("ascii", "replace").partition("?")[0][:200]


def _on_occam(request: Request, error: Exception) -> Response:
    assert isinstance(error, OccamError)
    if error.status >= 500:
        _log.warning("request failed", code=error.code, detail=error.detail)
    return problem(error, request.scope)


def _on_validation(request: Request, error: Exception) -> Response:
    """FastAPI's own checks: a bad body is 422 with pointers, a bad parameter 422 with its name."""
    assert isinstance(error, RequestValidationError)
    faults = faults_of_request(error.errors())
    return problem(InvalidSpec(faults[0].detail if faults else str(error), faults), request.scope)


class _Framework(OccamError):
    """An error the framework itself found, such as an unknown path."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.title = http.HTTPStatus(status).phrase
        self.code = self.title.lower().replace(" ", "_").replace("-", "_")


_WORDS = {
    404: "There is nothing at this path; /docs lists what there is.",
    405: "This path does not know that method; the Allow header lists those it knows.",
}


def _framework_problem(request: Request, error: HTTPException) -> Response:
    known = _WORDS.get(error.status_code)
    response = problem(
        InvalidRequest(str(error.detail))
        if error.status_code == 400
        else _Framework(error.status_code, known or str(error.detail)),
        request.scope,
    )
    response.headers.update(error.headers or {})
    return response


def _methods_at(path: str, routes: Sequence[BaseRoute]) -> set[str]:
    """Every method that some route knows at this path; a HEAD is a GET to `api.trace`."""
    methods = {"OPTIONS"}
    for route in routes:
        if isinstance(route, Route) and route.path_regex.match(path):
            methods |= route.methods or set()
    return methods | {"HEAD"} if "GET" in methods else methods


def _respond(body: Problem, headers: dict[str, str]) -> Response:
    return JSONResponse(
        body.model_dump(exclude_defaults=False, exclude={"errors"} if not body.errors else None),
        status_code=body.status,
        headers=headers,
        media_type=MEDIA_TYPE,
    )
