from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.api.conftest import LEAST, Service
from tests.waiting import PATIENCE_S

DEMO = {
    "name": "which regularizer for digits",
    "dataset": {"kind": "builtin", "name": "digits"},
    "architecture": {"kind": "mlp", "hidden": [64]},
    "loss": {"kind": "cross_entropy"},
    "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
    "epochs": 30,
    "batch_size": 64,
    "folds": 5,
    "compare": [
        {"name": "none"},
        {
            "name": "l1",
            "regularizers": [{"kind": "l1", "lambda": {"log_range": [1e-5, 1e-2], "num": 11}}],
        },
        {
            "name": "l2",
            "regularizers": [{"kind": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 11}}],
        },
        {
            "name": "dropout",
            "regularizers": [{"kind": "dropout", "p": {"values": [0.1, 0.3, 0.5]}}],
        },
    ],
}


def post(service: Service, body: dict[str, Any], key: str) -> httpx2.Response:
    with httpx2.Client(base_url=service.url, timeout=PATIENCE_S) as client:
        return client.post("/v1/jobs", json=body, headers={"idempotency-key": key})


def count(service: Service, name: str) -> int:
    return len(service.client.get("/v1/jobs", params={"name": name}).json()["data"])


def test_fifty_posts_at_once_with_one_key_are_one_job(service_on_both: Service) -> None:
    service = service_on_both
    body = {**LEAST, "name": "once"}

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(lambda _: post(service, body, "key-1"), range(50)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["location"] for answer in answers}) == 1
    replayed = [answer.headers.get("idempotency-replayed") for answer in answers]
    assert sorted(map(str, replayed)) == ["None"] + ["true"] * 49
    assert count(service, "once") == 1


def test_the_same_body_in_other_spacing_and_order_is_the_same(service: Service) -> None:
    first = post(service, {**LEAST, "name": "order"}, "key-order")
    turned = dict(reversed({**LEAST, "name": "order"}.items()))
    second = service.client.post(
        "/v1/jobs",
        content=json.dumps(turned, indent=4),
        headers={"idempotency-key": "key-order", "content-type": "application/json"},
    )

    assert second.json() == first.json()
    assert second.headers["idempotency-replayed"] == "true"


def test_a_replay_is_answered_from_its_row_though_its_dataset_is_gone(service: Service) -> None:
    lines = [f"{i % 7},{i % 3},{i % 2}" for i in range(40)]
    upload = {"file": ("rows.csv", "\n".join(["a,b,y", *lines]))}
    dataset = service.client.post("/v1/datasets", files=upload).json()
    body = {**LEAST, "dataset": dataset["id"]}
    first = post(service, body, "key-gone")
    assert first.status_code == 201, first.text
    job = first.json()["links"]["self"]
    assert service.client.post(f"{job}/cancel").status_code == 200
    assert service.client.delete(job).status_code == 204
    assert service.client.delete(dataset["links"]["self"]).status_code == 204

    again = post(service, body, "key-gone")

    assert (again.status_code, again.text) == (201, first.text)
    assert again.headers["idempotency-replayed"] == "true"


def test_a_key_that_came_with_another_body_is_a_422(service: Service) -> None:
    assert post(service, {**LEAST, "name": "a"}, "key-other").status_code == 201
    answer = post(service, {**LEAST, "name": "b"}, "key-other")

    assert answer.status_code == 422
    assert "Idempotency-Key" in answer.json()["detail"]
    assert count(service, "b") == 0


def test_a_refused_body_does_not_use_up_its_key(service: Service) -> None:
    assert post(service, {**LEAST, "epochs": 0}, "key-refused").status_code == 422
    assert post(service, {**LEAST, "name": "mended"}, "key-refused").status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "é".encode(), "x" * 256])
def test_an_odd_key_is_refused(service: Service, key: str | bytes) -> None:
    answer = service.client.post("/v1/jobs", json=LEAST, headers={"idempotency-key": key})

    assert answer.status_code == 422


def test_posts_without_a_key_are_jobs_of_their_own(service: Service) -> None:
    ids = {service.post(name="keyless")["id"] for _ in range(3)}

    assert len(ids) == 3


def test_the_demo_job_of_130_runs_is_accepted(service_on_both: Service) -> None:
    answer = service_on_both.client.post("/v1/jobs", json=DEMO)

    assert answer.status_code == 201
    assert answer.json()["progress"]["runs_total"] == 130


def test_every_example_of_the_repository_is_a_job(service: Service) -> None:
    examples = sorted((Path(__file__).parents[2] / "examples" / "jobs").glob("*.json"))
    assert examples
    for path in examples:
        answer = service.client.post("/v1/jobs?dry_run=true", json=json.loads(path.read_text()))
        assert answer.status_code == 200, f"{path.name}: {answer.text[:400]}"
