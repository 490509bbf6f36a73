"""HTTP with manners: retries, idempotency keys, and problems turned into errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.stop import stop_after_attempt, stop_after_delay, stop_all
from tenacity.wait import wait_base, wait_exponential_jitter

from occam.errors import NotFound, OccamError, ServiceError, Unreachable, from_problem

RETRIES = 2
WAIT_MIN_S, WAIT_MAX_S = 0.5, 8.0
RETRY_AFTER_MAX_S = 60.0  # a service that asks for more is reported, not waited for
PATIENCE_S = 120.0  # a service that restarts is back well within this
RETRIED_STATUSES = frozenset({408, 429, *range(500, 600)}) - {501, 505}

Send = Callable[[], httpx2.Response]
Query = Mapping[str, str | int | float | bool | None]


class Transport:
    """One pool of connections to one service.

    timeout_s: for connecting and for each silence while reading; long polls add their own wait.
    retries: attempts beyond the first, on 408, 429, 5xx, an idempotent request that the service is
        still working on (409), and lost connections.
    """

    def __init__(
        self, url: str, *, api_key: str | None, timeout_s: float, retries: int = RETRIES
    ) -> None:
        headers = {"User-Agent": "occam-client"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self.url = _checked(url).rstrip("/")
        self.timeout_s = timeout_s
        self.retries = retries
        self.http = httpx2.Client(
            base_url=self.url,
            headers=headers,
            timeout=timeout_s,
            trust_env=not _is_loopback(self.url),  # no proxy stands before this very machine
        )

    def close(self) -> None:
        self.http.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        json: object = None,
        headers: Mapping[str, str] | None = None,
        idempotency_key: str | None = None,
        wait_s: float = 0.0,
        patience_s: float = 0.0,
    ) -> httpx2.Response:
        """Send, retry, and return a 2xx or 304 answer; everything else raises an OccamError.

        wait_s: how long the service may take on top of the timeout. patience_s: go on retrying at
        least this long, for callers who would rather sit out a restart.
        """
        extra = dict(headers or {})
        if idempotency_key:
            extra["Idempotency-Key"] = idempotency_key
        params = {k: v for k, v in (query or {}).items() if v is not None}
        body: dict[str, Any] = {} if json is None else {"json": json}  # Any: keyword arguments
        return self.send(
            lambda: self.http.request(
                method,
                path,
                params=params,
                headers=extra,
                timeout=self.timeout_s + wait_s,
                **body,
            ),
            patience_s=patience_s,
        )

    def send(self, send: Send, *, patience_s: float = 0.0) -> httpx2.Response:
        """Run `send` under the retry policy; it is called anew for each attempt."""
        retrying = Retrying(
            stop=stop_all(stop_after_attempt(self.retries + 1), stop_after_delay(patience_s)),
            retry=retry_if_exception(is_passing),
            wait=PoliteWait(),
            reraise=True,
        )
        try:
            return retrying(lambda: self._attempt(send))
        except ServiceError as error:
            error.problem["retried"] = retrying.statistics.get("attempt_number", 1) > 1
            raise

    def delete(self, path: str) -> None:
        """Delete; a repeat after a lost answer may find nothing left, which is what was wanted."""
        try:
            self.request("DELETE", path)
        except NotFound as error:
            if not error.problem["retried"]:
                raise

    def _attempt(self, send: Send) -> httpx2.Response:
        try:
            response = send()
        except httpx2.TransportError as error:
            raise unreachable(self.url, error) from error
        if response.is_success or response.status_code == 304:
            return response
        raise problem_of(response)


class PoliteWait(wait_base):
    """What the service asked for in Retry-After, else 0.5 to 8 s, growing, with jitter."""

    def __init__(self, least_s: float = WAIT_MIN_S, most_s: float = WAIT_MAX_S) -> None:
        self._backoff = wait_exponential_jitter(
            multiplier=least_s, max=most_s, min=least_s, jitter=least_s
        )

    def __call__(self, retry_state: RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        asked = error.problem.get("retry_after_s") if isinstance(error, OccamError) else None
        return float(asked) if asked is not None else self._backoff(retry_state)


def is_passing(error: BaseException) -> bool:
    """Whether the same request may succeed a little later."""
    if isinstance(error, Unreachable):
        return True
    if not isinstance(error, ServiceError):
        return False
    asked = error.problem.get("retry_after_s")
    if asked is not None and asked > RETRY_AFTER_MAX_S:
        return False
    still_running = error.status == 409 and "idempotency" in (error.code or "")
    return still_running or error.status in RETRIED_STATUSES


def problem_of(response: httpx2.Response) -> ServiceError:
    """The error for an answer that is no success; its body, if any, has been or is now read."""
    response.read()
    problem: dict[str, Any] = {}  # Any: the problem's members are open
    try:
        body = response.json()
        problem = dict(body) if isinstance(body, dict) else {}
    except ValueError:
        problem = {"detail": _plain_answer(response)}
    asked = _retry_after_s(response.headers.get("Retry-After"))
    if asked is not None:
        problem["retry_after_s"] = asked
    return from_problem(response.status_code, problem)


def unreachable(url: str, error: httpx2.TransportError) -> Unreachable:
    """The error for a request that got no answer."""
    why = str(error) or type(error).__name__
    if isinstance(error, httpx2.ConnectError):
        return Unreachable(
            f"no Occam service answers at {url} ({why}); start one with `occam serve`, "
            f"or name another with OCCAM_URL"
        )
    if isinstance(error, httpx2.TimeoutException):
        return Unreachable(f"{url} did not answer in time ({type(error).__name__})")
    return Unreachable(f"the connection to {url} was lost ({why})")


def _checked(url: str) -> str:
    """The URL itself. Raises Unreachable where it can name no service."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL:
        parsed = httpx2.URL()
    if parsed.scheme in ("http", "https") and parsed.host:
        return url
    raise Unreachable(
        f"{url!r} is no URL of a service, which looks like http://127.0.0.1:8000; start a service "
        f"with `occam serve` and name it with OCCAM_URL"
    )


def _is_loopback(url: str) -> bool:
    return httpx2.URL(url).host in ("localhost", "127.0.0.1", "::1")


def _plain_answer(response: httpx2.Response) -> str:
    first_line = response.text.strip().partition("\n")[0][:200]
    said = f": {first_line}" if first_line and not first_line.startswith("<") else ""
    return f"{response.request.url.host} answered {response.status_code}{said}"


def _retry_after_s(header: str | None) -> float | None:
    """Seconds from a Retry-After header in either of its two forms."""
    if not header:
        return None
    if header.strip().isdigit():
        return float(header)
    try:
        then = parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def path_part(name: str) -> str:
    """`name` as one segment of a path, whatever it holds."""
    if name in ("", ".", ".."):
        raise ValueError(f"{name!r} names nothing on the service; give an id")
    return quote(name, safe="")


def monotonic_deadline(timeout_s: float | None) -> Callable[[], float]:
    """A function that says how many seconds are left; infinity without a timeout."""
    if timeout_s is None:
        return lambda: float("inf")
    end = time.monotonic() + timeout_s
    return lambda: end - time.monotonic()
