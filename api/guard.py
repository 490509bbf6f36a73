"""The gate in front of the application: it reads each body once, within limits, strictly.

A JSON body is read whole, parsed by `parse_json` and left in the request's state, where `json_of`
finds it; the application may read the bytes again. A multipart body streams through, counted.
"""

from __future__ import annotations

import asyncio

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem
from api.strict_json import parse_json, shown
from core.errors import InvalidRequest, OccamError, TooLarge, UnsupportedMedia

READ_S = 30.0  # a client that trickles a JSON body for longer, or pauses an upload, is let go
_THREAD_BYTES = 64 * 1024  # parsing more than this would hold up the event loop
_DRAIN_FACTOR = 4  # read on so far beyond a limit, so that the client gets to see the answer
_NOTHING = object()


class RequestTimeout(OccamError):
    status, code, title = 408, "request_timeout", "The body took too long"


class Guard:
    """Pure ASGI. Refuses with a problem what no route should ever see.

    read_s: how long a JSON body may take, and an upload between two parts of it.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        body_bytes_max: int,
        upload_bytes_max: int,
        read_s: float = READ_S,
    ) -> None:
        self.app = app
        self.body_bytes_max = body_bytes_max
        self.upload_bytes_max = upload_bytes_max
        self.read_s = read_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            _refuse_nul(scope)
            receive = await self._checked(scope, receive)
        except OccamError as error:
            await problem(error, scope)(scope, receive, send)
            return
        except _Disconnected:
            return
        await self.app(scope, receive, send)

    async def _checked(self, scope: Scope, receive: Receive) -> Receive:
        headers = Headers(scope=scope)
        media = media_type(headers)
        upload = media == "multipart/form-data"
        limit = self.upload_bytes_max if upload else self.body_bytes_max
        name = "OCCAM_UPLOAD_BYTES_MAX" if upload else "OCCAM_BODY_BYTES_MAX"
        patient = "expect" not in headers
        bounded = _Bounded(receive, limit, name, patient=patient, idle_s=self.read_s)
        await bounded.check_declared(headers.get("content-length"))
        if upload:
            return bounded
        body = await _read(bounded, self.read_s)
        if body:
            _refuse_media(media)
            scope.setdefault("state", {})["json"] = await _parse(body)
        return _Replay(body, receive)


def json_of(request: Request) -> object:
    """The parsed JSON body; raises InvalidRequest where there is none."""
    value: object = getattr(request.state, "json", _NOTHING)
    if value is _NOTHING:
        raise InvalidRequest(
            "This call needs a JSON body, with the header Content-Type: application/json."
        )
    return value


def media_type(headers: Headers) -> str:
    return headers.get("content-type", "").partition(";")[0].strip().lower()


class _Disconnected(Exception):
    """The client left before its body was complete; nobody is there to answer."""


class _Bounded:
    """`receive`, watching: a body over the limit raises TooLarge, one that rests RequestTimeout."""

    def __init__(
        self, receive: Receive, limit: int, name: str, *, patient: bool, idle_s: float
    ) -> None:
        self.receive, self.limit, self.name, self.patient = receive, limit, name, patient
        self.idle_s = idle_s
        self.seen = 0
        self.whole = False

    async def __call__(self) -> Message:
        message = await self._next()
        if message["type"] == "http.request":
            self.whole = not message.get("more_body", False)
            self.seen += len(message.get("body", b""))
            if self.seen > self.limit:
                if message.get("more_body", False):
                    await self._drain()
                raise self._too_large()
        return message

    async def _next(self) -> Message:
        if self.whole:  # what follows is a disconnect, whenever that may be
            return await self.receive()
        try:
            async with asyncio.timeout(self.idle_s):
                return await self.receive()
        except TimeoutError:
            raise RequestTimeout(f"Nothing of the body arrived for {self.idle_s:g} s.") from None

    async def check_declared(self, length: str | None) -> None:
        """Refuse by the header alone, before a byte is read."""
        if length is None or not (length.isascii() and length.isdigit()):
            return
        if len(length) > 18 or int(length) > self.limit:
            if self.patient:
                await self._drain()
            raise self._too_large()

    async def _drain(self) -> None:
        ceiling = self.seen + _DRAIN_FACTOR * self.limit
        try:
            async with asyncio.timeout(self.idle_s):
                while self.seen < ceiling:
                    message = await self.receive()
                    self.seen += len(message.get("body", b""))
                    if not message.get("more_body", False):
                        return
        except TimeoutError:
            return

    def _too_large(self) -> TooLarge:
        return TooLarge(f"The body is larger than {self.limit} bytes; {self.name} sets this limit.")


class _Replay:
    """`receive` for the application: the body that was read, then whatever follows."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self.body: bytes | None = body
        self.receive = receive

    async def __call__(self) -> Message:
        if self.body is None:
            return await self.receive()
        body, self.body = self.body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def _read(receive: Receive, read_s: float) -> bytes:
    parts: list[bytes] = []
    try:
        async with asyncio.timeout(read_s):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Disconnected
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError:
        raise RequestTimeout(f"The body did not arrive within {read_s:g} s.") from None


async def _parse(body: bytes) -> object:
    if len(body) < _THREAD_BYTES:
        return parse_json(body)
    return await anyio.to_thread.run_sync(parse_json, body)


def _refuse_media(media: str) -> None:
    if media == "application/json" or (
        media.startswith("application/") and media.endswith("+json")
    ):
        return
    raise UnsupportedMedia(
        f"A body of type “{shown(media) or 'unknown'}” is not read here;"
        " send JSON with the header Content-Type: application/json."
    )


def _refuse_nul(scope: Scope) -> None:
    """NUL passes URL decoding, and then breaks the database driver."""
    if "\0" in scope["path"] or b"%00" in scope.get("query_string", b""):
        raise InvalidRequest("The URL may not hold the NUL character (%00).")
