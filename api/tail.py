"""Following jobs: one question for all followed jobs, however many clients watch them.

It is asked when somebody comes and when the database rings that a job changed; followers wait for
the answer and read pages of encoded events, which they share. No session, thread or connection is
held while waiting, and where nothing changes nothing is asked.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio.to_thread
import structlog

from core.errors import Unavailable

EVENTS_MAX = 500  # in one page
_EVENTS_FIRST = 32  # before the size of this job's events is known
_PAGE_BYTES = 512 * 1024  # about so much is encoded and sent at once
_CACHE_BYTES = 8 * 1024 * 1024  # of pages kept per followed job
_THREADS = 4  # of the pool for all tails, so that requests never wait behind followers
_AWAY_S = 1.0  # between questions while the database does not answer
_GAP_S = 0.05  # between questions however often it rings: many jobs may train at once

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

    def pulses(self, job_ids: Collection[str]) -> Mapping[str, Pulse]: ...

    def events(self, job_id: str, after: int, limit: int) -> Sequence[StoredEvent]: ...


@dataclass(frozen=True)
class EncodedPage:
    """Events `after < seq <= last`, ready to be sent; full when more may lie behind."""

    last: int
    blob: bytes
    full: bool


class Tails:
    """The jobs that this process follows."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._closed = False
        self._threads: anyio.CapacityLimiter | None = None
        self._tails: dict[str, Tail] = {}
        self._task: asyncio.Task[None] | None = None
        self._asking: set[asyncio.Future[Any]] = set()  # Any: whatever questions answer
        self._rung, self._come = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def follow(self, job_id: str) -> AsyncIterator[Tail]:
        """The job's tail, kept up to date while anybody follows."""
        tail = self._tails.get(job_id)
        if tail is None:
            tail = self._tails[job_id] = Tail(job_id, self)
            self._come.set()
            self.ring()
        tail.followers += 1
        self._watch()
        try:
            yield tail
        finally:
            tail.followers -= 1
            if not tail.followers:
                del self._tails[job_id]
            if not self._tails and self._task is not None:
                self._task.cancel()
                self._task = None

    def ring(self) -> None:
        """Some job may have changed. Call it in the loop's thread."""
        self._rung.set()

    def refuse_broken(self) -> None:
        """Rather an error now than heartbeats for ever, should the questions have failed."""
        task = self._task
        if task is not None and task.done() and not task.cancelled() and (e := task.exception()):
            raise e

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
        asking = asyncio.ensure_future(anyio.to_thread.run_sync(question, limiter=self._threads))
        self._asking.add(asking)
        asking.add_done_callback(self._asking.discard)
        return await asyncio.shield(asking)  # a thread goes on anyway when its asker has gone

    async def settle(self) -> None:
        """Until no question is under way; the connections that they use are back then."""
        while self._asking:
            await asyncio.wait(self._asking)

    def _watch(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._keep_asking(), name="tails")
            self._task.add_done_callback(lambda _: self._tell())

    async def _keep_asking(self) -> None:
        while True:
            await self._rung.wait()
            self._rung.clear()
            try:
                await self._ask_for_pulses()
            except Unavailable as error:
                _log.warning("cannot follow for now", reason=str(error))
                await asyncio.sleep(_AWAY_S)
                self.ring()
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_GAP_S):  # who comes does not wait for it
                    await self._come.wait()

    async def _ask_for_pulses(self) -> None:
        self._come.clear()
        going_on = {job_id: tail for job_id, tail in self._tails.items() if not tail.ended()}
        if going_on:
            found = await self.ask(partial(self.source.pulses, list(going_on)))
            for job_id, tail in going_on.items():
                tail.hear(found.get(job_id))

    def closed(self) -> bool:
        """Whether the service stops."""
        return self._closed

    def close(self) -> None:
        """The service stops: let every follower go."""
        self._closed = True
        self._tell()

    def _tell(self) -> None:
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
        self._news = asyncio.Event()
        self._pages: OrderedDict[int, asyncio.Future[EncodedPage]] = OrderedDict()
        self._events_per_page = _EVENTS_FIRST

    async def until(self, holds: Callable[[Pulse | None], bool], timeout_s: float) -> bool:
        """Wait until `holds` of the newest pulse (None: the job is gone); False if time is up."""
        try:
            async with asyncio.timeout(timeout_s):
                while not (self.known and holds(self.pulse)) and not self.tails.closed():
                    self.tails.refuse_broken()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    def tell(self) -> None:
        """Wake everybody who waits."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def hear(self, pulse: Pulse | None) -> None:
        """How far the job is now; None when it is gone."""
        if not self.known or pulse != self.pulse:
            self.known, self.pulse = True, pulse
            self.tell()

    def ended(self) -> bool:
        """Whether nothing of it will ever change again."""
        return self.known and (self.pulse is None or self.pulse.final)

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


def encoded(event: StoredEvent) -> bytes:
    """One server-sent event."""
    assert "\n" not in event.data, f"event {event.seq} holds a line break"
    return f"id: {event.seq}\nevent: {event.type}\ndata: {event.data}\n\n".encode()


def _size(page: asyncio.Future[EncodedPage]) -> int | None:
    if not page.done() or page.cancelled() or page.exception() is not None:
        return None
    return len(page.result().blob)
