"""Server-sent events: replay what was missed, then follow, then say `end`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial

from starlette.responses import StreamingResponse
from starlette.types import Send

from api.tail import Pulse, Tails
from api.telemetry import Telemetry
from core.errors import Unavailable

HEARTBEAT_S = 15.0  # half of what common proxies allow a silent connection
RETRY_MS = 1000  # what an EventSource waits before it comes back
_GONE_S = 0.1  # before another look at a job that is being deleted
_HEARTBEAT = b": still here\n\n"


class EventStream(StreamingResponse):
    """A `text/event-stream` that lets go of its job the moment its client is gone."""

    media_type = "text/event-stream"

    def __init__(self, messages: AsyncGenerator[bytes, None]) -> None:
        super().__init__(messages, headers={"x-accel-buffering": "no"})
        self.messages = messages

    async def stream_response(self, send: Send) -> None:
        async with aclosing(self.messages):
            await super().stream_response(send)


async def follow(
    job_id: str, after: int, *, tails: Tails, telemetry: Telemetry
) -> AsyncGenerator[bytes, None]:
    """The job's events after `after`, each once, in order; ends with `event: end`, or without
    it when the service stops or the database stays away: the client then comes back."""
    yield f"retry: {RETRY_MS}\n\n".encode()
    with telemetry.followers.track_inprogress():
        async with tails.follow(job_id) as tail:
            while not tails.closed():
                if not await tail.until(partial(_has_news, after), HEARTBEAT_S):
                    yield _HEARTBEAT
                    continue
                if tails.closed():
                    return
                pulse = tail.pulse
                if pulse is None or (pulse.final and pulse.last_seq <= after):
                    yield _end(pulse)
                    return
                try:
                    page = await tail.page(after)
                except Unavailable:
                    return
                if page.blob:
                    after = page.last
                    yield page.blob
                else:  # the pulse promised more: the job was deleted just now
                    await asyncio.sleep(_GONE_S)
                    if pulse.final:
                        yield _end(None)
                        return


def position_of(last_event_id: str | None, newest: int) -> int:
    """Where to go on. An id that is no number, or that this job never had, replays from 0."""
    text = (last_event_id or "").strip()
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        return 0
    seq = int(text)
    return seq if seq <= newest else 0


def _has_news(after: int, pulse: Pulse | None) -> bool:
    return pulse is None or pulse.final or pulse.last_seq > after


def _end(pulse: Pulse | None) -> bytes:
    status = pulse.status if pulse else "deleted"
    return f"event: end\ndata: {json.dumps({'status': status})}\n\n".encode()
