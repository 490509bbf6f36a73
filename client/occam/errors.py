"""What may go wrong between a client and the service.

OccamError
├── ServiceError        the service answered with a problem (RFC 9457)
│   ├── InvalidRequest     400, 405, 406, 413, 415 …  the request cannot be understood
│   ├── Unauthorized       401, 403  no key, or a wrong one
│   ├── NotFound           404
│   ├── Conflict           409  the thing is in a state that forbids this
│   ├── InvalidSpec        422  `errors` points at each place in the body
│   ├── TooManyRequests    429  after the retries were spent
│   └── Unavailable        5xx  after the retries were spent
├── Unreachable         no answer at all: refused, timed out, cut off
└── JobFailed           `wait(check=True)` saw the job fail or be cancelled
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_SHOWN_FAULTS = 20  # a wholly wrong body has hundreds; the first ones are enough to act on


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a body: where (RFC 6901 JSON pointer) and what, in a sentence."""

    pointer: str
    detail: str


class OccamError(Exception):
    """Base of everything this client raises on purpose.

    status: the HTTP status, or None when there was no answer.
    errors: the places in the body that are wrong, where the service named them.
    """

    def __init__(
        self,
        detail: str,
        status: int | None = None,
        errors: tuple[Fault, ...] = (),
        problem: Mapping[str, Any] | None = None,  # Any: the problem's members are open
    ) -> None:
        super().__init__(detail, status, errors, problem)
        self.detail = detail
        self.status = status
        self.errors = errors
        self.problem = dict(problem or {})

    @property
    def code(self) -> str | None:
        """The service's short word for the problem, for programs to branch on."""
        code = self.problem.get("code")
        return code if isinstance(code, str) else None

    def __str__(self) -> str:
        lines = [self.detail]
        if not (len(self.errors) == 1 and self.errors[0].detail in self.detail):
            lines += [f"  {f.pointer or '/'}: {f.detail}" for f in self.errors[:_SHOWN_FAULTS]]
        elif self.errors[0].pointer not in self.detail:
            lines.append(f"  at {self.errors[0].pointer}")
        if len(self.errors) > _SHOWN_FAULTS:
            lines.append(f"  … and {len(self.errors) - _SHOWN_FAULTS} more")
        return "\n".join(lines)


class ServiceError(OccamError):
    """The service answered with a problem."""


class InvalidRequest(ServiceError):
    """400 and its relatives: the request cannot be understood."""


class Unauthorized(ServiceError):
    """401 or 403: set `api_key`, or OCCAM_API_KEY."""


class NotFound(ServiceError):
    """404: no such thing, or not yours."""


class Conflict(ServiceError):
    """409: the thing is in a state that forbids this."""


class InvalidSpec(ServiceError):
    """422: the body is not a job (or dataset) that can be run; see `errors`."""


class TooManyRequests(ServiceError):
    """429, after the retries were spent."""


class Unavailable(ServiceError):
    """5xx, after the retries were spent."""


class Unreachable(OccamError):
    """No answer: the connection was refused, timed out or cut off."""


class JobFailed(OccamError):
    """The awaited job ended as `failed` or `cancelled`."""


_BY_STATUS: dict[int, type[ServiceError]] = {
    401: Unauthorized,
    403: Unauthorized,
    404: NotFound,
    409: Conflict,
    422: InvalidSpec,
    429: TooManyRequests,
}


def from_problem(status: int, problem: Mapping[str, Any]) -> ServiceError:
    """The error that stands for an answer of `status` with this problem+json body."""
    leaf = _BY_STATUS.get(status, Unavailable if status >= 500 else InvalidRequest)
    detail = problem.get("detail") or problem.get("title") or f"the service answered {status}"
    return leaf(str(detail), status, _faults(problem.get("errors")), problem)


def _faults(errors: object) -> tuple[Fault, ...]:
    if not isinstance(errors, list):
        return ()
    return tuple(
        Fault(str(entry.get("pointer", "")), str(entry.get("detail", "")))
        for entry in errors
        if isinstance(entry, dict)
    )
