from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from api.stream import position_of
from core.store import events, jobs
from tests.api.conftest import Service, Trained, finish, log_epoch, messages, take
from tests.waiting import PATIENCE_S, until

Message = tuple[str | None, str, Any]


@contextmanager
def following(
    service: Service, job_id: str, last_event_id: str | None = None
) -> Iterator[Iterator[Message]]:
    headers = {"last-event-id": last_event_id} if last_event_id is not None else {}
    with (
        httpx2.Client(base_url=service.url, timeout=PATIENCE_S) as client,
        client.stream("GET", f"/v1/jobs/{job_id}/stream", headers=headers) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield messages(answer.iter_lines())


def stored(service: Service, job_id: str) -> list[tuple[str, str, str]]:
    with service.database.read() as session:
        rows = events.read_after(session, job_id, 0, limit=100_000)
        return [(str(row.seq), row.type, row.data) for row in rows]


def start(service: Service) -> Trained:
    return take(service.database, service.post(seeds=2, epochs=5)["id"])


def test_a_finished_job_is_replayed_and_ends(service_on_both: Service) -> None:
    service = service_on_both
    held = start(service)
    log_epoch(service.database, held, 1, val_loss=[0.5, 0.25])
    finish(service.database, held, val_accuracy=[0.9, 0.8])

    with following(service, held.job_id) as stream:
        found = list(stream)

    *told, last = found
    assert [message[0] for message in told] == [str(i + 1) for i in range(len(told))]
    assert [(seq, kind) for seq, kind, _ in told] == [
        (seq, kind) for seq, kind, _ in stored(service, held.job_id)
    ]
    assert last == (None, "end", {"status": "succeeded"})


def test_events_arrive_while_they_happen_also_from_another_process(
    service_on_both: Service,
) -> None:
    service = service_on_both
    held = start(service)

    with following(service, held.job_id) as stream:
        kinds = [next(stream)[1] for _ in range(len(stored(service, held.job_id)))]
        assert set(kinds) == {"status", "event"}
        for epoch in (1, 2, 3):
            log_epoch(service.database, held, epoch, val_loss=[0.5, None])
            _, kind, data = next(stream)
            assert (kind, data["epoch"]) == ("metrics", epoch)
        finish(service.database, held, val_accuracy=[0.9, 0.8])
        assert [message[1] for message in stream][-1] == "end"


@pytest.mark.parametrize("at", [0, 1, 3, 6])
def test_a_client_that_comes_back_misses_nothing_and_hears_nothing_twice(
    service: Service, at: int
) -> None:
    held = start(service)
    for epoch in range(1, 5):
        log_epoch(service.database, held, epoch, val_loss=[0.5, 0.25])
    finish(service.database, held, val_accuracy=[0.9, 0.8])

    with following(service, held.job_id) as stream:
        before = [next(stream) for _ in range(at)]
    last = before[-1][0] if before else None
    with following(service, held.job_id, last) as stream:
        after = list(stream)

    assert [m[0] for m in (*before, *after[:-1])] == [
        seq for seq, _, _ in stored(service, held.job_id)
    ]


@pytest.mark.parametrize("nonsense", ["", "abc", "-1", "1.5", "9" * 30, "999999"])
def test_an_id_that_this_job_never_had_replays_from_the_start(
    service: Service, nonsense: str
) -> None:
    held = start(service)
    finish(service.database, held, val_accuracy=[0.9, 0.8])

    with following(service, held.job_id, nonsense) as stream:
        assert next(stream)[0] == "1"


def test_coming_back_after_the_end_hears_the_end_again(service: Service) -> None:
    held = start(service)
    finish(service.database, held, val_accuracy=[0.9, 0.8])
    last = stored(service, held.job_id)[-1][0]

    with following(service, held.job_id, last) as stream:
        assert list(stream) == [(None, "end", {"status": "succeeded"})]


def test_twenty_followers_hear_the_same_while_plain_requests_are_answered(service: Service) -> None:
    held = start(service)
    ready = threading.Barrier(21)

    def follow(_: int) -> list[Message]:
        with following(service, held.job_id) as stream:
            first = next(stream)
            ready.wait(PATIENCE_S)
            return [first, *stream]

    with ThreadPoolExecutor(20) as pool:
        followers = [pool.submit(follow, i) for i in range(20)]
        ready.wait(PATIENCE_S)
        for epoch in range(1, 31):
            log_epoch(service.database, held, epoch, val_loss=[0.5, 0.25])
            assert service.client.get("/healthz").is_success
        finish(service.database, held, val_accuracy=[0.9, 0.8])
        heard = [follower.result(PATIENCE_S) for follower in followers]

    expected = [seq for seq, _, _ in stored(service, held.job_id)]
    assert all([m[0] for m in messages[:-1]] == expected for messages in heard)


def test_a_long_history_is_replayed_page_by_page(service: Service) -> None:
    held = start(service)
    with service.database.write() as session:
        for i in range(1200):
            events.append(session, held.job_id, "event", {"event": "noted", "i": i})
    finish(service.database, held, val_accuracy=[0.9, 0.8])

    with following(service, held.job_id) as stream:
        seqs = [int(seq) for seq, _, _ in stream if seq is not None]

    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) > 1200


def test_a_job_deleted_under_its_followers_ends_the_stream(service: Service) -> None:
    job = service.post()

    with following(service, job["id"]) as stream:
        assert next(stream)[1] == "status"
        with service.database.write() as session:
            jobs.delete_job(session, job["id"])
        assert list(stream)[-1] == (None, "end", {"status": "deleted"})


def test_followers_that_hang_up_leave_nothing_behind(service: Service) -> None:
    job = service.post()
    for _ in range(5):
        with following(service, job["id"]) as stream:
            next(stream)

    until(lambda: "occam_stream_followers 0.0" in service.client.get("/metrics").text)


def test_an_unknown_job_has_no_stream(service: Service) -> None:
    answer = service.client.get("/v1/jobs/job_none/stream")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_head_of_a_stream_ends(service: Service) -> None:
    job = service.post()

    assert service.client.head(f"/v1/jobs/{job['id']}/stream").status_code == 200


@pytest.mark.parametrize(
    ("given", "newest", "position"),
    [(None, 9, 0), ("3", 9, 3), ("9", 9, 9), ("10", 9, 0), ("٣", 9, 0), (" 4 ", 9, 4)],
)
def test_where_a_stream_goes_on(given: str | None, newest: int, position: int) -> None:
    assert position_of(given, newest) == position
