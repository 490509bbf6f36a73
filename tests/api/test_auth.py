from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.auth import digest_of, is_loopback
from core.settings import Settings
from tests.api.conftest import LEAST, Service, serving

PLAIN, HASHED = "a-key-in-the-clear", "another-key"


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[Service]:
    """A service with two keys, one of them known by its hash alone."""
    folder = tmp_path_factory.mktemp("keyed")
    shutil.copy(sqlite_template, folder / "occam.db")
    digest = hashlib.sha256(HASHED.encode()).hexdigest()
    with serving(Settings(data_dir=folder, api_keys=(PLAIN, f"sha256:{digest}"))) as found:
        yield found


@pytest.mark.parametrize("key", [PLAIN, HASHED])
@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_a_configured_key_opens(keyed: Service, key: str, scheme: str) -> None:
    headers = {"authorization": f"{scheme} {key}", "host": "occam.example"}

    assert keyed.client.get("/v1/jobs", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "value",
    [None, "", "Bearer", "Bearer wrong", f"Basic {PLAIN}", PLAIN, f"Bearer {PLAIN}x"],
)
@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/catalog", "/metrics", "/v1/nothing", "/other"])
def test_anything_else_is_a_401_before_anything_is_said(
    keyed: Service, value: str | None, path: str
) -> None:
    headers = {} if value is None else {"authorization": value}

    answer = keyed.client.get(path, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.json()["code"] == "unauthorized"


def test_the_hash_of_a_key_is_not_a_key(keyed: Service) -> None:
    digest = hashlib.sha256(HASHED.encode()).hexdigest()
    for key in (digest, f"sha256:{digest}"):
        headers = {"authorization": f"Bearer {key}"}
        assert keyed.client.get("/v1/jobs", headers=headers).status_code == 401


@pytest.mark.parametrize("path", ["/", "/healthz", "/docs", "/openapi.json"])
def test_health_and_documentation_need_no_key(keyed: Service, path: str) -> None:
    assert keyed.client.get(path, follow_redirects=True).status_code == 200


def test_a_body_is_not_read_without_a_key(keyed: Service) -> None:
    answer = keyed.client.post("/v1/jobs", content=b"{", headers={"content-type": "x"})

    assert answer.status_code == 401


def test_an_idempotency_key_belongs_to_its_principal(keyed: Service) -> None:
    answers = [
        keyed.client.post(
            "/v1/jobs",
            json=LEAST,
            headers={"authorization": f"Bearer {key}", "idempotency-key": "shared"},
        )
        for key in (PLAIN, HASHED)
    ]

    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_a_key_is_known_by_its_digest() -> None:
    digest = hashlib.sha256(b"k").hexdigest()
    assert digest_of("k") == digest_of(f"sha256:{digest}") == digest_of(f"sha256:{digest.upper()}")


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "[::1]", "LOCALHOST"]
)
def test_names_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "10.0.0.1", "localhost.evil.example", "127.0.0.1.nip.io"]
)
def test_names_of_others(host: str) -> None:
    assert not is_loopback(host)
