from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

import api.tail
from api.history import HistorySource
from api.tail import Pulse, Tails
from core.errors import Unavailable
from core.settings import Settings
from core.store import jobs
from core.store.session import Database
from tests.api.conftest import finish, log_epoch, serving, take
from tests.api.test_stream import following
from tests.waiting import PATIENCE_S

RUN = jobs.NewRun(arm="a", setting={}, seed=0, fold=None, epochs=10)


class Counted(HistorySource):
    """The real source, which counts what it is asked, and fails on request."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked: list[Collection[str]] = []
        self.failures: list[Exception] = []

    def pulses(self, job_ids: Collection[str]) -> dict[str, Pulse]:
        self.asked.append(job_ids)
        if self.failures:
            raise self.failures.pop()
        return super().pulses(job_ids)


def posted(database: Database, count: int) -> list[str]:
    with database.write() as session:
        return [jobs.insert_job(session, {}, [RUN], facts={}).id for _ in range(count)]


async def followed(stack: AsyncExitStack, tails: Tails, ids: list[str]) -> list[api.tail.Tail]:
    """Tails of jobs, each of which is known; at the end no question is under way."""
    stack.push_async_callback(tails.settle)
    found = [await stack.enter_async_context(tails.follow(job_id)) for job_id in ids]
    for tail in found:
        assert await tail.until(lambda _: True, PATIENCE_S)
    return found


def test_one_question_serves_all_followed_jobs(database: Database) -> None:
    async def follow() -> None:
        source = Counted(database)
        tails = Tails(source)
        ids = posted(database, 20)
        async with AsyncExitStack() as stack:
            found = await followed(stack, tails, [*ids, *ids])
            assert len(source.asked) <= len(ids), "a job with many followers is asked for once"
            source.asked.clear()
            with database.write() as session:
                jobs.request_cancel(session, ids[3])
            tails.ring()
            assert await found[3].until(lambda pulse: pulse is not None and pulse.final, PATIENCE_S)
            assert [sorted(asked) for asked in source.asked] == [sorted(ids)]
            tails.ring()
            for _ in range(100):
                await asyncio.sleep(api.tail._GAP_S / 10)
                if len(source.asked) == 2:
                    break
            assert ids[3] not in source.asked[1], "what is final is asked for no more"

    asyncio.run(follow())


def test_nothing_is_asked_where_nobody_rings(database: Database) -> None:
    async def follow() -> None:
        source = Counted(database)
        tails = Tails(source)
        async with AsyncExitStack() as stack:
            (tail,) = await followed(stack, tails, posted(database, 1))
            asked = len(source.asked)
            assert not await tail.until(lambda pulse: pulse is None, 5 * api.tail._GAP_S)
            assert len(source.asked) == asked

    asyncio.run(follow())


def test_many_rings_are_answered_together(database: Database) -> None:
    async def follow() -> None:
        source = Counted(database)
        tails = Tails(source)
        async with AsyncExitStack() as stack:
            await followed(stack, tails, posted(database, 1))
            asked = len(source.asked)
            for _ in range(1000):
                tails.ring()
                await asyncio.sleep(0)
            assert len(source.asked) - asked < 100

    asyncio.run(follow())


def test_a_database_that_was_away_is_asked_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.tail, "_AWAY_S", 0.01)

    async def follow() -> None:
        source = Counted(database)
        source.failures = [Unavailable("It is away.")] * 3
        async with AsyncExitStack() as stack:
            (tail,) = await followed(stack, Tails(source), posted(database, 1))
            assert tail.pulse is not None

    asyncio.run(follow())


def test_a_question_that_breaks_ends_its_followers_and_the_next_ones_are_served(
    database: Database,
) -> None:
    async def follow() -> None:
        source = Counted(database)
        tails = Tails(source)
        source.failures = [ZeroDivisionError()]
        ids = posted(database, 1)
        with pytest.raises(ZeroDivisionError):
            async with AsyncExitStack() as stack:
                await followed(stack, tails, ids)
        async with AsyncExitStack() as stack:
            await followed(stack, tails, ids)

    asyncio.run(follow())


def test_a_job_that_is_gone_is_told_of(database: Database) -> None:
    async def follow() -> None:
        tails = Tails(HistorySource(database))
        ids = posted(database, 1)
        async with AsyncExitStack() as stack:
            (tail,) = await followed(stack, tails, ids)
            with database.write() as session:
                jobs.delete_job(session, ids[0])
            tails.ring()
            assert await tail.until(lambda pulse: pulse is None, PATIENCE_S)

    asyncio.run(follow())


def test_followers_hear_what_no_ring_told_of(
    database_url: str, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Settings(data_dir=data_dir, database_url=database_url, poll_s=0.02)) as service:
        held = take(service.database, service.post(seeds=2, epochs=5)["id"])
        with following(service, held.job_id) as stream:
            kind = ""
            while "cohort_started" not in kind:
                kind = str(next(stream)[2])
            for moment in ("before_commit", "after_commit"):
                monkeypatch.setattr(service.database._bells, moment, lambda *_: None)
            log_epoch(service.database, held, 1, val_loss=[0.5, None])
            assert next(stream)[1] == "metrics"
            finish(service.database, held, val_accuracy=[0.9, 0.8])
            assert [message[1] for message in stream][-1] == "end"


def test_a_service_that_ends_stops_listening(data_dir: Path, sqlite_template: Path) -> None:
    (data_dir / "occam.db").write_bytes(sqlite_template.read_bytes())

    def listening() -> int:
        return sum(thread.name == "listener" for thread in threading.enumerate())

    before = listening()
    with serving(Settings(data_dir=data_dir)):
        assert listening() == before + 1
    assert listening() == before
