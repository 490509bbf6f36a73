import json

import pytest
from starlette.responses import Response, StreamingResponse

import occam
from occam.stream import follow
from tests.client.conftest import problem

PATH = "GET /v1/jobs/job_1/stream"


def sse(*events, cut=b""):
    """A stream of (id, type, data) events that ends (or is cut off) after them."""

    async def body():
        yield b": hello\n\n"
        for event_id, kind, data in events:
            text = f"id: {event_id}\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
            yield text.encode()
        yield cut

    return StreamingResponse(body(), media_type="text/event-stream")


def broken(*events):
    """As `sse`, but the connection breaks in the middle of the next event."""

    async def body():
        async for chunk in sse(*events, cut=b"id: 99\nevent: metrics\nda").body_iterator:
            yield chunk
        raise ConnectionResetError("on purpose")

    return StreamingResponse(body(), media_type="text/event-stream")


END = ("", "end", {})


def test_events_come_in_order_until_the_end(service, client):
    service.on(PATH, sse((1, "status", {"status": "running"}), (2, "metrics", {"epoch": 1}), END))

    events = list(client.stream("job_1"))

    assert [(event.id, event.type) for event in events] == [("1", "status"), ("2", "metrics")]
    assert events[1].data == {"epoch": 1}


def test_a_dropped_stream_resumes_after_the_last_event_seen(service, client):
    service.on(
        PATH,
        broken((1, "metrics", {"epoch": 1}), (2, "metrics", {"epoch": 2})),
        sse((3, "metrics", {"epoch": 3}), END),
    )

    ids = [event.id for event in client.stream("job_1")]

    assert ids == ["1", "2", "3"]
    assert "last-event-id" not in service.seen[0].headers
    assert service.seen[1].headers["last-event-id"] == "2"


def test_a_service_that_replays_too_much_repeats_nothing(service, client):
    first = [(n, "metrics", {"epoch": n}) for n in (1, 2, 3)]
    service.on(PATH, sse(*first), sse(*first, (4, "metrics", {"epoch": 4}), END))

    assert [event.id for event in client.stream("job_1")] == ["1", "2", "3", "4"]


def test_a_stream_may_begin_after_an_event_already_seen(service, client):
    service.on(PATH, sse((6, "metrics", {}), END))

    list(client.stream("job_1", after="5"))

    assert service.seen[0].headers["last-event-id"] == "5"


def test_a_restart_between_two_events_is_waited_for(service, client):
    away = problem(503, "restarting", {"Retry-After": "0"})
    service.on(PATH, sse((1, "metrics", {})), away, away, away, away, sse((2, "metrics", {}), END))

    assert [event.id for event in client.stream("job_1")] == ["1", "2"]


def test_a_job_that_does_not_exist_is_not_waited_for(service, client):
    service.on(PATH, problem(404, "no such job"))

    with pytest.raises(occam.NotFound, match="no such job"):
        list(client.stream("job_1"))

    assert len(service.seen) == 1


def test_patience_ends(service, client):
    service.on(PATH, Response(status_code=502))

    with pytest.raises(occam.Unavailable):
        list(follow(client._transport, "/v1/jobs/job_1/stream", after=None, patience_s=0.1))


def test_an_answer_that_is_no_stream_is_an_error_and_not_an_endless_loop(service, client):
    service.on(PATH, Response("hello", media_type="text/plain"))

    with pytest.raises(occam.Unreachable, match="text/event-stream"):
        list(follow(client._transport, "/v1/jobs/job_1/stream", after=None, patience_s=0.1))


def test_leaving_a_stream_early_leaves_nothing_open(service, client):
    service.on(PATH, sse(*[(n, "metrics", {}) for n in range(1, 50)], END))

    for event in client.stream("job_1"):
        if event.id == "3":
            break

    service.on("GET /v1/jobs/job_1", Response('{"id": "job_1", "status": "running"}'))
    assert client.job("job_1").status == "running"
