"""Errors a client may meet. Each leaf is a status and one sentence with the way out.

    OccamError
    ├── InvalidSpec      422  the body is well-formed JSON but not a job (or dataset) we can run
    ├── InvalidRequest   400  the request itself is malformed
    ├── Unauthorized     401  no key, or a wrong one
    ├── NotFound         404  no such thing (or not yours)
    ├── NotAcceptable    406  no representation of that media type
    ├── Conflict         409  the thing is in a state that forbids this
    ├── TooLarge         413  over a limit; the limit's setting is named
    ├── UnsupportedMedia 415  a body of a type that this call does not read
    ├── TooManyRequests  429  slow down; says when to come back
    └── Unavailable      503  something we depend on is away; retry later

They carry only plain values, so they survive pickling and a process boundary.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a body: where (RFC 6901 JSON pointer) and what, in a sentence."""

    pointer: str
    detail: str


class OccamError(Exception):
    """Base of every error meant for a client."""

    status = 500
    code = "internal"
    title = "Internal error"

    def __init__(self, detail: str, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(detail, faults)
        self.detail = detail
        self.faults = tuple(faults)

    def __str__(self) -> str:
        return self.detail


class InvalidSpec(OccamError):
    """The body says something that cannot be run; `faults` points at each place."""

    status, code, title = 422, "invalid_spec", "The specification is not valid"

    @classmethod
    def at(cls, pointer: str, detail: str) -> InvalidSpec:
        """One fault at one place."""
        return cls(detail, (Fault(pointer, detail),))


class InvalidRequest(OccamError):
    status, code, title = 400, "invalid_request", "The request is malformed"


class Unauthorized(OccamError):
    status, code, title = 401, "unauthorized", "A valid API key is required"


class NotFound(OccamError):
    status, code, title = 404, "not_found", "Not found"


class NotAcceptable(OccamError):
    status, code, title = 406, "not_acceptable", "No such representation"


class Conflict(OccamError):
    status, code, title = 409, "conflict", "The state forbids this"


class TooLarge(OccamError):
    status, code, title = 413, "too_large", "Over a limit"


class UnsupportedMedia(OccamError):
    status, code, title = 415, "unsupported_media_type", "Unsupported media type"


class TooManyRequests(OccamError):
    status, code, title = 429, "too_many_requests", "Too many requests"

    def __init__(self, detail: str, retry_after_s: float = 1.0) -> None:
        super().__init__(detail)
        self.args = (detail, retry_after_s)
        self.retry_after_s = retry_after_s


class Unavailable(OccamError):
    status, code, title = 503, "unavailable", "Temporarily unavailable"

    def __init__(self, detail: str, retry_after_s: float = 5.0) -> None:
        super().__init__(detail)
        self.args = (detail, retry_after_s)
        self.retry_after_s = retry_after_s
