import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

import occam
from occam import Client
from tests.client.conftest import problem

JOB = {"id": "job_1", "object": "job", "status": "queued", "name": None}
SOON = {"Retry-After": "0"}


def test_a_passing_503_is_retried_and_the_key_of_the_submit_stays_the_same(service, client):
    service.on("POST /v1/jobs", problem(503, "away", SOON), JSONResponse(JOB, 201))

    job = client.submit({"dataset": "digits"})

    assert job.id == "job_1"
    keys = [seen.headers["idempotency-key"] for seen in service.seen]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert service.seen[0].body == service.seen[1].body


def test_two_submits_carry_two_keys(service, client):
    service.on("POST /v1/jobs", JSONResponse(JOB, 201))

    client.submit({})
    client.submit({})

    assert len({seen.headers["idempotency-key"] for seen in service.seen}) == 2


def test_a_caller_may_name_the_key(service, client):
    service.on("POST /v1/jobs", JSONResponse(JOB, 201))

    client.submit({}, idempotency_key="mine")

    assert service.seen[0].headers["idempotency-key"] == "mine"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_after_two_retries_the_problem_is_raised(service, client, status):
    service.on("GET /v1/jobs/job_1", problem(status, "still away", SOON))

    with pytest.raises(occam.ServiceError, match="still away") as caught:
        client.job("job_1")

    assert caught.value.status == status
    assert len(service.seen) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 413, 415, 422, 501])
def test_what_will_not_pass_is_not_retried(service, client, status):
    service.on("GET /v1/jobs/job_1", problem(status, "no"))

    with pytest.raises(occam.ServiceError):
        client.job("job_1")

    assert len(service.seen) == 1


def test_a_conflict_is_retried_only_while_the_first_request_is_in_progress(service, client):
    service.on(
        "POST /v1/jobs",
        problem(409, "still working", SOON, code="idempotency_in_progress"),
        JSONResponse(JOB, 201),
    )

    assert client.submit({}).id == "job_1"


def test_retry_after_in_seconds_is_obeyed(service, client):
    service.on(
        "GET /v1/jobs/job_1", problem(429, "slow down", {"Retry-After": "1"}), JSONResponse(JOB)
    )

    client.job("job_1")

    first, second = service.seen
    assert second.at_s >= first.at_s + 0.95


def test_retry_after_as_a_date_is_obeyed(service, client):
    then = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
    service.on(
        "GET /v1/jobs/job_1", problem(503, "restarting", {"Retry-After": then}), JSONResponse(JOB)
    )

    client.job("job_1")

    _, second = service.seen
    assert second.at_s >= parsedate_to_datetime(then).timestamp()


def test_a_wait_longer_than_a_minute_is_reported_and_not_slept_through(service, client):
    service.on("GET /v1/jobs/job_1", problem(429, "tomorrow", {"Retry-After": "86400"}))

    with pytest.raises(occam.TooManyRequests, match="tomorrow"):
        client.job("job_1")

    assert len(service.seen) == 1


def test_without_retry_after_waits_grow_from_half_a_second(service, client):
    service.on("GET /v1/jobs/job_1", Response(status_code=500))

    with pytest.raises(occam.Unavailable):
        client.job("job_1")

    first, second, third = (seen.at_s for seen in service.seen)
    assert second >= first + 0.5
    assert third >= second + 1.0


def test_nobody_listening_is_said_with_the_way_out():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    with Client(url, retries=0) as client, pytest.raises(occam.Unreachable, match="occam serve"):
        client.job("job_1")


def test_a_silent_service_times_out():
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        with (
            Client(url, timeout=0.2, retries=0) as client,
            pytest.raises(occam.Unreachable, match="in time"),
        ):
            client.job("job_1")


def test_an_invalid_spec_shows_its_pointers(service, client):
    faults = [
        {"pointer": "/compare/1/regularizers/0/lambda", "detail": "-1 should be at least 0"},
        {"pointer": "/epochs", "detail": "0 should be at least 1"},
    ]
    service.on("POST /v1/jobs", problem(422, "2 fields are wrong", errors=faults))

    with pytest.raises(occam.InvalidSpec) as caught:
        client.submit({})

    assert caught.value.errors[1] == occam.Fault("/epochs", "0 should be at least 1")
    assert str(caught.value).splitlines() == [
        "2 fields are wrong",
        "  /compare/1/regularizers/0/lambda: -1 should be at least 0",
        "  /epochs: 0 should be at least 1",
    ]


def test_an_answer_that_is_no_problem_json_still_makes_one_sentence(service, client):
    service.on("GET /v1/jobs/job_1", PlainTextResponse("Bad gateway from a proxy\n", 400))

    with pytest.raises(occam.InvalidRequest, match="answered 400: Bad gateway from a proxy"):
        client.job("job_1")


def test_the_key_is_sent_as_a_bearer_token(service):
    service.on("GET /v1/jobs/job_1", JSONResponse(JOB))

    with Client(service.url, api_key="secret") as client:
        client.job("job_1")

    assert service.seen[0].headers["authorization"] == "Bearer secret"


def test_url_and_key_come_from_the_environment(service, monkeypatch):
    monkeypatch.setenv("OCCAM_URL", service.url)
    monkeypatch.setenv("OCCAM_API_KEY", "from-env")
    service.on("GET /v1/jobs/job_1", JSONResponse(JOB))

    with Client() as client:
        client.job("job_1")

    assert service.seen[0].headers["authorization"] == "Bearer from-env"


def test_deleting_again_after_a_lost_answer_is_success(service, client):
    service.on(
        "DELETE /v1/jobs/job_1", problem(502, "lost on the way", SOON), problem(404, "no such job")
    )

    client.delete("job_1")

    assert len(service.seen) == 2


def test_deleting_what_never_was_raises(service, client):
    service.on("DELETE /v1/jobs/job_1", problem(404, "no such job"))

    with pytest.raises(occam.NotFound):
        client.delete("job_1")


def test_cancelling_again_after_a_lost_answer_is_success(service, client):
    cancelled = {**JOB, "status": "cancelled"}
    service.on(
        "POST /v1/jobs/job_1/cancel",
        problem(504, "lost on the way", SOON),
        problem(409, "already cancelled"),
    )
    service.on("GET /v1/jobs/job_1", JSONResponse(cancelled))

    assert client.cancel("job_1").status == "cancelled"


def test_an_id_cannot_climb_out_of_its_path(service, client):
    with pytest.raises(occam.NotFound):
        client.job("../../metrics?x=1")
    with pytest.raises(ValueError, match="names nothing"):
        client.job("..")

    assert service.seen[0].path == "/v1/jobs/..%2F..%2Fmetrics%3Fx%3D1"
