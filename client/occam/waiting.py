"""Waiting for a job, across restarts of the service."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep

import httpx2

from occam.answers import Job
from occam.transport import PATIENCE_S, Transport, monotonic_deadline

LONG_POLL_S = 30
LEAST_POLL_S = 0.2  # a service that answers a long poll at once is not asked more often than this

Each = Callable[[Job], object]


def wait(transport: Transport, job_id: str, *, timeout_s: float | None, each: Each) -> Job:
    """The job once it is final; `each` is called with every change, that one included."""
    left_s = monotonic_deadline(timeout_s)
    latest = None
    etag = None
    while True:
        began = monotonic()
        response = _long_poll(transport, job_id, etag, left_s())
        if response.status_code != 304:
            latest = Job.model_validate_json(response.content)
            etag = response.headers.get("ETag")
            each(latest)
            if latest.finished:
                return latest
        if left_s() <= 0:
            seen = latest.line() if latest else "never seen"
            raise TimeoutError(f"job {job_id} is not finished after {timeout_s} s: {seen}")
        sleep(max(0.0, min(LEAST_POLL_S - (monotonic() - began), left_s())))


def _long_poll(
    transport: Transport, job_id: str, etag: str | None, left_s: float
) -> httpx2.Response:
    """The job, at its next change after `etag` or after a while; at most after `left_s`."""
    whole_s = max(0, int(min(LONG_POLL_S, left_s)))
    return transport.request(
        "GET",
        f"/v1/jobs/{job_id}",
        query={"wait": whole_s} if etag and whole_s else None,
        headers={"If-None-Match": etag} if etag else None,
        wait_s=whole_s,
        patience_s=min(PATIENCE_S, left_s),
    )
