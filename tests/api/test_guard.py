from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from api.errors import problem
from api.guard import Guard
from core.errors import OccamError
from core.settings import Settings
from core.store.migrate import migrate
from core.store.session import Database
from tests.api.conftest import LEAST, Service, serving

BODY_MAX = 20_000


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that reads little."""
    folder = tmp_path_factory.mktemp("small")
    settings = Settings(data_dir=folder, body_bytes_max=BODY_MAX, upload_bytes_max=2 * BODY_MAX)
    database = Database(settings.database_url)
    migrate(database)
    database.dispose()
    with serving(settings) as found:
        yield found


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{", 400),
        (b"\xff", 400),
        (b'{"epochs": NaN}', 400),
        (b'{"epochs": 1e999}', 422),
        (b'{"epochs": 1, "epochs": 2}', 422),
        (b'{"name": "\\ud800"}', 422),
        (b'{"name": "\\u0000"}', 422),
        (b"[" * 9000, 422),
        (b"{" + b'"a":{' * 1500, 422),
        (b"[]", 422),
        (b"null", 422),
        (b'"text"', 422),
        (b"0", 422),
    ],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/reports", "/v1/runs/run_x/predict"])
def test_a_body_that_is_no_sane_json_is_a_problem(
    small: Service, body: bytes, status: int, path: str
) -> None:
    answer = small.client.post(path, content=body, headers={"content-type": "application/json"})

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert len(answer.content) < 2000
    assert "Traceback" not in answer.text


def test_a_body_over_the_limit_is_a_413_that_names_the_setting(small: Service) -> None:
    body = json.dumps({**LEAST, "name": "x" * BODY_MAX}).encode()

    declared = small.client.post(
        "/v1/jobs", content=body, headers={"content-type": "application/json"}
    )
    streamed = small.client.post(
        "/v1/jobs",
        content=iter([body[:5000], body[5000:]]),
        headers={"content-type": "application/json"},
    )

    for answer in (declared, streamed):
        assert answer.status_code == 413
        assert "OCCAM_BODY_BYTES_MAX" in answer.json()["detail"]


def test_an_upload_over_its_own_limit_is_a_413(small: Service) -> None:
    fits = small.client.post("/v1/datasets", files={"file": ("a.csv", b"x" * (BODY_MAX + 100))})
    too_large = small.client.post("/v1/datasets", files={"file": ("a.csv", b"x" * 3 * BODY_MAX)})

    assert fits.status_code == 422
    assert too_large.status_code == 413
    assert "OCCAM_UPLOAD_BYTES_MAX" in too_large.json()["detail"]


@pytest.mark.parametrize(
    "media", ["text/plain", "application/x-www-form-urlencoded", "application/xml", ""]
)
def test_a_body_of_another_type_is_a_415_that_says_what_to_send(small: Service, media: str) -> None:
    answer = small.client.post(
        "/v1/jobs", content=json.dumps(LEAST), headers={"content-type": media}
    )

    assert answer.status_code == 415
    assert "application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    "media", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.x+json"]
)
def test_json_goes_by_several_names(small: Service, media: str) -> None:
    answer = small.client.post(
        "/v1/jobs?dry_run=1", content=json.dumps(LEAST), headers={"content-type": media}
    )

    assert answer.status_code == 200


def test_nul_in_an_address_is_a_400(small: Service) -> None:
    assert small.client.get("/v1/jobs?name=a%00b").status_code == 400
    assert small.client.get("/v1/jobs/a%00b").status_code == 400


@pytest.mark.parametrize(
    "path", ["/nothing", "/v1", "/v1/jobs/", "/v1/catalog/loss/mse/x", "/%ff%fe"]
)
def test_an_unknown_path_is_a_problem(small: Service, path: str) -> None:
    answer = small.client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "not_found"


def test_an_unknown_method_is_a_405_that_says_which_are_known(small: Service) -> None:
    answer = small.client.request("PATCH", "/v1/jobs")

    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "OPTIONS", "POST"}
    assert answer.json()["code"] == "method_not_allowed"


def test_options_says_which_methods_are_known(small: Service) -> None:
    answer = small.client.options("/v1/jobs/job_x")

    assert (answer.status_code, answer.content) == (204, b"")
    assert set(answer.headers["allow"].split(", ")) == {"DELETE", "GET", "HEAD", "OPTIONS"}


def test_head_is_get_without_a_body(small: Service) -> None:
    get, head = small.client.get("/v1/catalog"), small.client.head("/v1/catalog")

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_every_answer_is_hardened_and_carries_its_id(small: Service) -> None:
    for path in ("/v1/jobs", "/nothing", "/docs", "/healthz"):
        headers = small.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-request-id"].startswith("req_")
    given = small.client.get("/healthz", headers={"x-request-id": "my-own-id-1"})
    assert given.headers["x-request-id"] == "my-own-id-1"
    forged = small.client.get("/healthz", headers={"x-request-id": "<script>alert(1)"})
    assert forged.headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example"}, 403),
        ({"host": "localhost:1"}, 405),
        ({"host": "[::1]:80"}, 405),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-origin"}, 405),
    ],
)
def test_without_keys_no_other_web_site_reaches_in(
    small: Service, headers: dict[str, str], status: int
) -> None:
    answer = small.client.post("/healthz", headers=headers)

    assert answer.status_code == status


def test_a_client_that_hangs_up_in_its_body_harms_nobody(small: Service) -> None:
    host, port = small.url.removeprefix("http://").split(":")
    for _ in range(20):
        with socket.create_connection((host, int(port))) as line:
            line.sendall(
                b"POST /v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n"
                b"content-type: application/json\r\n\r\n{"
            )

    assert small.client.get("/healthz").status_code == 200


def test_validation_never_echoes_a_long_value(small: Service) -> None:
    answer = small.client.post("/v1/jobs", json={**LEAST, "device": "d" * 15_000})

    assert answer.status_code == 422
    assert len(answer.content) < 2000


def test_no_data_is_left_by_refused_uploads(small: Service) -> None:
    small.client.post("/v1/datasets", files={"file": ("a.csv", b"not,a\ntable")})

    folder = Path(small.settings.data_dir) / "uploads"
    assert not folder.exists() or list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("media", "pauses_s", "status"),
    [
        ("multipart/form-data; boundary=x", [0.0, 0.3, 0.3, 0.3, 0.3], 200),
        ("multipart/form-data; boundary=x", [0.0, 60.0], 408),
        ("application/json", [0.0, 0.3, 0.3, 0.3, 0.3], 408),
    ],
)
def test_an_upload_may_be_long_but_never_rest(
    media: str, pauses_s: list[float], status: int
) -> None:
    parts = iter(pauses_s)

    async def receive() -> Message:
        await asyncio.sleep(next(parts))
        left = parts.__length_hint__()
        return {"type": "http.request", "body": b" ", "more_body": left > 0}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            while (await receive()).get("more_body"):
                pass
        except OccamError as error:
            await problem(error, scope)(scope, receive, send)
            return
        await PlainTextResponse("read")(scope, receive, send)

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/v1/datasets",
        "headers": [(b"content-type", media.encode())],
    }  # fmt: skip
    guard = Guard(app, body_bytes_max=1000, upload_bytes_max=1000, read_s=1.0)
    asyncio.run(guard(scope, receive, send))

    assert sent[0]["status"] == status
