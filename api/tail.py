"""Following jobs: one task per followed job and process, however many clients watch it.

The task asks the database how far the job is; followers wait for its word and read pages of
encoded events, which they share. No session, thread or connection is held while waiting.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

import anyio.to_thread
import structlog

from core.errors import Unavailable

EVENTS_MAX = 500  # in one page
_EVENTS_FIRST = 32  # before the size of this job's events is known
_PAGE_BYTES = 512 * 1024  # about so much is encoded and sent at once
_CACHE_BYTES = 8 * 1024 * 1024  # of pages kept per followed job
_THREADS = 4  # of the pool for all tails, so that requests never wait behind followers
_AWAY_S = 1.0  # between questions while the database does not answer

T = TypeVar("T")
_log = structlog.get_logger("api")


@dataclass(frozen=True)
class Pulse:
    """How far a job is. `last_seq` numbers its newest event; a final job gets no more."""

    status: str
    version: int
    last_seq: int
    final: bool


@dataclass(frozen=True)
class StoredEvent:
    """One row of the job's history; `data` is JSON text, passed through."""

    seq: int
    type: str
    data: str


class Source(Protocol):
    """Where tails read; blocking, so it is called in threads."""

    def pulse(self, job_id: str, known: Pulse | None = None) -> Pulse | None: ...

    def events(self, job_id: str, after: int, limit: int) -> Sequence[StoredEvent]: ...


@dataclass(frozen=True)
class EncodedPage:
    """Events `after < seq <= last`, ready to be sent; full when more may lie behind."""

    last: int
    blob: bytes
    full: bool


class Tails:
    """The jobs that this process follows."""

    def __init__(self, source: Source, *, poll_s: float) -> None:
        self.source = source
        self.poll_s = poll_s
        self._closed = False
        self._threads: anyio.CapacityLimiter | None = None
        self._tails: dict[str, Tail] = {}

    @asynccontextmanager
    async def follow(self, job_id: str) -> AsyncIterator[Tail]:
        """The job's tail, running while anybody follows."""
        tail = self._tails.get(job_id)
        if tail is None:
            tail = self._tails[job_id] = Tail(job_id, self)
        tail.followers += 1
        try:
            yield tail
        finally:
            tail.followers -= 1
            if not tail.followers:
                tail.task.cancel()
                del self._tails[job_id]

    @property
    def followers(self) -> int:
        """How many follow any job now."""
        return sum(tail.followers for tail in self._tails.values())

    async def changed(self, job_id: str, version: int, timeout_s: float) -> None:
        """Return once the job's version is not `version`, or it is gone, or time is up."""
        async with self.follow(job_id) as tail:
            await tail.until(lambda pulse: pulse is None or pulse.version != version, timeout_s)

    async def ask(self, question: Callable[[], T]) -> T:
        """Run a blocking question in one of the tails' own few threads."""
        if self._threads is None:
            self._threads = anyio.CapacityLimiter(_THREADS)
        return await anyio.to_thread.run_sync(question, limiter=self._threads)

    def closed(self) -> bool:
        """Whether the service stops."""
        return self._closed

    def close(self) -> None:
        """The service stops: let every follower go."""
        self._closed = True
        for tail in self._tails.values():
            tail.tell()


class Tail:
    """One followed job: its newest pulse and the pages its followers share."""

    def __init__(self, job_id: str, tails: Tails) -> None:
        self.job_id = job_id
        self.tails = tails
        self.followers = 0
        self.known = False
        self.pulse: Pulse | None = None
        self.task = asyncio.create_task(self._poll(), name=f"tail {job_id}")
        self.task.add_done_callback(lambda _: self.tell())
        self._news = asyncio.Event()
        self._pages: OrderedDict[int, asyncio.Future[EncodedPage]] = OrderedDict()
        self._events_per_page = _EVENTS_FIRST

    async def until(self, holds: Callable[[Pulse | None], bool], timeout_s: float) -> bool:
        """Wait until `holds` of the newest pulse (None: the job is gone); False if time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (self.known and holds(self.pulse)) and not self.tails.closed():
                    self._refuse_broken()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def tell(self) -> None:
        """Wake everybody who waits."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def _refuse_broken(self) -> None:
        """Rather an error now than heartbeats for ever, should the poll have failed."""
        if self.task.done() and not self.task.cancelled() and (error := self.task.exception()):
            raise error

    async def page(self, after: int) -> EncodedPage:
        """The events after `after`, read once for all followers that stand there."""
        kept = self._pages.get(after)
        if kept is not None and not self._stale(kept):
            return await asyncio.shield(kept)
        question = asyncio.ensure_future(self._read(after))
        self._pages[after] = question
        self._pages.move_to_end(after)
        page = await asyncio.shield(question)
        self._forget()
        return page

    def _stale(self, kept: asyncio.Future[EncodedPage]) -> bool:
        if not kept.done():
            return False
        if kept.cancelled() or kept.exception() is not None:
            return True
        page = kept.result()
        return not page.full and self.pulse is not None and page.last < self.pulse.last_seq

    async def _read(self, after: int) -> EncodedPage:
        limit = self._events_per_page
        rows = await self.tails.ask(lambda: self.tails.source.events(self.job_id, after, limit))
        blob = b"".join(encoded(row) for row in rows)
        if rows:
            mean_bytes = len(blob) // len(rows) + 1
            self._events_per_page = max(1, min(EVENTS_MAX, _PAGE_BYTES // mean_bytes))
        return EncodedPage(rows[-1].seq if rows else after, blob, len(rows) == limit)

    def _forget(self) -> None:
        """Drop the oldest pages beyond the budget; whoever still needs one reads it again."""
        done = [(after, page) for after, page in self._pages.items() if _size(page) is not None]
        total = sum(_size(page) or 0 for _, page in done)
        for after, page in done:
            if total <= _CACHE_BYTES:
                return
            total -= _size(page) or 0
            del self._pages[after]

    async def _poll(self) -> None:
        while True:
            try:
                pulse = await self.tails.ask(
                    lambda: self.tails.source.pulse(self.job_id, self.pulse)
                )
            except Unavailable as error:
                _log.warning("cannot follow for now", job_id=self.job_id, reason=str(error))
                await asyncio.sleep(_AWAY_S)
                continue
            if not self.known or pulse != self.pulse:
                self.known, self.pulse = True, pulse
                self.tell()
            if pulse is None or pulse.final:
                return  # nothing of it will ever change again
            await asyncio.sleep(self.tails.poll_s)


def encoded(event: StoredEvent) -> bytes:
    """One server-sent event."""
    assert "\n" not in event.data, f"event {event.seq} holds a line break"
    return f"id: {event.seq}\nevent: {event.type}\ndata: {event.data}\n\n".encode()


def _size(page: asyncio.Future[EncodedPage]) -> int | None:
    if not page.done() or page.cancelled() or page.exception() is not None:
        return None
    return len(page.result().blob)
