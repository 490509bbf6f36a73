"""The outermost layer: request id, security headers, HEAD, one log line, nothing escapes."""

from __future__ import annotations

import re
import secrets
import time
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import internal_problem, shown_path
from api.telemetry import Telemetry

CSP = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("api")


class Trace:
    """Pure ASGI. Wraps every request in an id and every answer in safe headers."""

    def __init__(self, app: ASGIApp, *, telemetry: Telemetry) -> None:
        self.app = app
        self.telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        answer = _Answer(scope, send)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=answer.request_id)
        started = time.perf_counter()
        try:
            await self._guarded(scope, receive, answer)
        finally:
            self._record(scope, answer, time.perf_counter() - started)

    async def _guarded(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        try:
            await self.app(answer.scope, receive, answer)
        except _HeadAnswered:
            return
        except Exception:
            _log.exception("unhandled error", path=shown_path(scope))
            if answer.status:  # half an answer is out: only a broken connection tells the truth
                raise
            await internal_problem(answer.scope)(answer.scope, receive, answer)

    def _record(self, scope: Scope, answer: _Answer, seconds: float) -> None:
        route = getattr(answer.scope.get("route"), "path", "none")
        self.telemetry.observe(scope["method"], route, answer.status, seconds)
        _log.info(
            "request",
            method=scope["method"],
            path=shown_path(scope),
            status=answer.status,
            ms=round(seconds * 1000, 1),
        )


class _HeadAnswered(Exception):
    """The headers are out, and a HEAD has no more to hear."""


class _Answer:
    """`send` that adds headers, remembers the status and leaves out the body of a HEAD."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.send = send
        self.status = 0
        self.head = scope["method"] == "HEAD"
        given = Headers(scope=scope).get("x-request-id", "")
        self.request_id = given if _ACCEPTABLE_ID.fullmatch(given) else f"req_{_token()}"
        state: dict[str, Any] = {**scope.get("state", {}), "request_id": self.request_id}
        self.scope: Scope = {**scope, "state": state}
        if self.head:
            self.scope["method"] = "GET"

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._harden(MutableHeaders(raw=message["headers"]))
        elif self.head and message["type"] == "http.response.body":
            await self.send({"type": "http.response.body", "body": b""})
            raise _HeadAnswered  # or a stream would go on for ever, into nothing
        await self.send(message)

    def _harden(self, headers: MutableHeaders) -> None:
        headers["x-request-id"] = self.request_id
        headers["x-content-type-options"] = "nosniff"
        headers["referrer-policy"] = "no-referrer"
        headers["cross-origin-resource-policy"] = "same-origin"
        headers.setdefault("content-security-policy", CSP)
        headers.setdefault("cache-control", "no-store")


def _token() -> str:
    return secrets.token_hex(10)
