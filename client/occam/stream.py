"""Following a job's server-sent events across lost connections, with nothing lost or repeated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from json import loads
from time import monotonic
from typing import Any

import httpx2
from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.stop import stop_base

from occam.errors import Unreachable
from occam.transport import PATIENCE_S, PoliteWait, Transport, is_passing, problem_of, unreachable

SILENCE_S = 45.0  # three of the service's keep-alive comments; beyond that the line is dead
ALIVE_S = 90.0  # longer than connecting and any one silence may take: the line was in use
EVENT_BYTES_MAX = 256 * 2**20  # one metrics event carries every run of a cohort


@dataclass(frozen=True)
class StreamEvent:
    """One server-sent event: `metrics`, `event` or `status`, with its place in the job's history.

    data of `metrics`: {"epoch", "runs": [ids], "metrics": {name: [a value per run]}, "nonfinite"}.
    """

    id: str
    type: str
    data: dict[str, Any]  # Any: parsed JSON


def follow(
    transport: Transport, path: str, *, after: str | None, patience_s: float = PATIENCE_S
) -> Iterator[StreamEvent]:
    """Yield every event after `after` until the service says `end`.

    Raises Unreachable (or the service's own error) when `patience_s` pass without one event
    arriving while reconnecting.
    """
    last_id = after
    while True:
        for event in _resumed(transport, path, last_id, patience_s):
            if event.type == "end":
                return
            if not _is_newer(event.id, last_id):
                continue
            last_id = event.id or last_id
            yield event


def _resumed(
    transport: Transport, path: str, last_id: str | None, patience_s: float
) -> Iterator[StreamEvent]:
    """Events of one connection. The first event is awaited patiently; a later loss just returns."""
    patience = _Patience(patience_s)

    def first() -> tuple[StreamEvent, Iterator[StreamEvent]]:
        patience.attempt_s = monotonic()
        connection = _connect(transport, path, last_id)
        try:
            return next(connection), connection
        except StopIteration:
            raise Unreachable(f"{transport.url}{path} closed before its end") from None

    event, connection = Retrying(
        stop=patience, retry=retry_if_exception(is_passing), wait=PoliteWait(), reraise=True
    )(first)
    yield event
    try:
        yield from connection
    except Unreachable:
        return  # lost on the way; the caller connects again from the last id


class _Patience(stop_base):
    """Stops when the service has been away for `patience_s`.

    A connection that stayed open for a while was alive, though nothing happened on it (a paused
    job says nothing for hours), so its loss starts the clock anew.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._away_since_s = self.attempt_s = monotonic()

    def __call__(self, retry_state: RetryCallState) -> bool:
        now_s = monotonic()
        if now_s - self.attempt_s > ALIVE_S:
            self._away_since_s = now_s
        return now_s - self._away_since_s > self._patience_s


def _connect(transport: Transport, path: str, last_id: str | None) -> Iterator[StreamEvent]:
    headers = {} if last_id is None else {"Last-Event-ID": last_id}
    timeout = httpx2.Timeout(transport.timeout_s, read=SILENCE_S)
    try:
        with transport.http.sse(
            path, headers=headers, timeout=timeout, max_event_size=EVENT_BYTES_MAX
        ) as source:
            if not source.response.is_success:
                raise problem_of(source.response)
            for sse in source:
                if sse.event == "end" or sse.data:
                    yield StreamEvent(sse.id, sse.event, _object(sse.data))
    except httpx2.TransportError as error:
        raise unreachable(transport.url, error) from error


def _object(text: str) -> dict[str, Any]:  # Any: parsed JSON
    parsed = loads(text) if text else {}
    return parsed if isinstance(parsed, dict) else {"value": parsed}


def _is_newer(event_id: str, last_id: str | None) -> bool:
    """Ids are the job's sequence numbers; a service that replays too much is filtered here."""
    if last_id is None or not (event_id.isdigit() and last_id.isdigit()):
        return True
    return int(event_id) > int(last_id)
