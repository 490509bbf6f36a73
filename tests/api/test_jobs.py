from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import httpx2
import pytest

from core.store import jobs
from tests.api.conftest import LEAST, Service, take
from tests.waiting import until


def test_a_posted_job_is_there_with_every_default_filled_in(service: Service) -> None:
    answer = service.client.post("/v1/jobs", json={**LEAST, "name": "first"})

    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}" == job["links"]["self"]
    assert job["object"] == "job"
    assert job["status"] == "queued"
    assert job["name"] == "first"
    assert job["error"] is None
    assert job["spec"]["regularizers"] == [{"kind": "l2", "lambda": 0.01, "biases": False}]
    assert job["spec"]["dataset"]["kind"] == "builtin"
    assert job["progress"] == {
        "runs_total": 3,
        "runs_done": 0,
        "epochs_total": 90,
        "epochs_done": 0,
        "eta_s": None,
    }
    assert service.client.get(job["links"]["self"]).json() == job


def test_the_resolved_spec_can_be_posted_again_and_gives_itself(service: Service) -> None:
    spec = service.post()["spec"]

    assert service.client.post("/v1/jobs", json=spec).json()["spec"] == spec


def test_a_dry_run_says_what_it_would_cost_and_stores_nothing(service: Service) -> None:
    before = service.client.get("/v1/jobs?limit=1000").json()["data"]
    body = {**LEAST, "seeds": 4, "lambda": {"log_range": [1e-4, 1e-1], "num": 5}}

    answer = service.client.post("/v1/jobs?dry_run=true", json=body)

    assert answer.status_code == 200
    found = answer.json()
    assert (found["object"], found["arms"], found["settings"], found["runs"]) == (
        "dry_run",
        1,
        5,
        20,
    )
    assert found["cohorts"] >= 1
    assert found["parameters"] > 1000
    assert found["memory_bytes"] > 0
    assert service.client.get("/v1/jobs?limit=1000").json()["data"] == before


def test_each_mistake_of_a_spec_is_pointed_at(service: Service) -> None:
    body = {
        "dataset": "digits",
        "architecture": "mlp",
        "loss": "cross_entropy",
        "compare": [{"name": "a"}, {"name": "b", "regularizers": [{"kind": "l1", "lambda": -1}]}],
        "epochs": 0,
    }

    answer = service.client.post("/v1/jobs", json=body)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "invalid_spec"
    assert problem["instance"] == "/v1/jobs"
    assert problem["request_id"] == answer.headers["x-request-id"]
    pointers = {fault["pointer"] for fault in problem["errors"]}
    assert {"/compare/1/regularizers/0/lambda", "/epochs"} <= pointers


def test_a_job_without_a_body_is_told_to_send_one(service: Service) -> None:
    answer = service.client.post("/v1/jobs")

    assert answer.status_code == 400
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_pages_show_every_job_once_newest_first(service: Service) -> None:
    posted = [service.post(name="paged")["id"] for _ in range(5)]
    seen: list[str] = []
    after: str | None = None

    while True:
        query = {"name": "paged", "limit": 2} | ({"after": after} if after else {})
        page = service.client.get("/v1/jobs", params=query).json()
        assert page["object"] == "list"
        seen += [job["id"] for job in page["data"]]
        after = page["next"]
        if not page["has_more"]:
            break

    assert after is None
    assert seen == posted[::-1]


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (2, 2), (10**6, 3)])
def test_a_limit_above_the_most_is_the_most(service: Service, limit: int, expected: int) -> None:
    for _ in range(3):
        service.post(name=f"limit {limit}")

    page = service.client.get("/v1/jobs", params={"name": f"limit {limit}", "limit": limit})

    assert len(page.json()["data"]) == expected


@pytest.mark.parametrize("after", ["x", "", "AAAA", "x" * 400, "é"])
def test_a_cursor_of_ones_own_making_is_refused(service: Service, after: str) -> None:
    answer = service.client.get("/v1/jobs", params={"after": after})

    assert answer.status_code == 400
    assert answer.json()["code"] == "invalid_request"


def test_jobs_are_listed_by_status(service: Service) -> None:
    job = service.post(name="by status")
    service.client.post(f"/v1/jobs/{job['id']}/cancel")

    found = service.client.get("/v1/jobs?status=cancelled&name=by status").json()["data"]

    assert [job["status"] for job in found] == ["cancelled"]
    assert service.client.get("/v1/jobs?status=odd").status_code == 422


def test_what_a_client_already_knows_is_a_304(service: Service) -> None:
    path = service.post()["links"]["self"]
    etag = service.client.get(path).headers["etag"]

    for known in (etag, f'"other", {etag}', etag.removeprefix("W/"), "*"):
        answer = service.client.get(path, headers={"if-none-match": known})
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == etag
    service.client.post(f"{path}/pause")
    assert service.client.get(path, headers={"if-none-match": etag}).status_code == 200


@pytest.fixture
def waiting() -> Iterator[Callable[[Service, str], Future[httpx2.Response]]]:
    """Asks for a job's next change, as long as the service lets anybody wait."""
    with ThreadPoolExecutor() as pool:

        def wait(service: Service, path: str) -> Future[httpx2.Response]:
            etag = service.client.get(path).headers["etag"]
            known = {"if-none-match": etag}
            return pool.submit(service.client.get, f"{path}?wait=60", headers=known)

        yield wait


def test_a_waiting_client_hears_of_a_change_before_others_stop_waiting(
    service_on_both: Service, waiting: Callable[[Service, str], Future[httpx2.Response]]
) -> None:
    service = service_on_both
    unchanged, changed = (service.post()["links"]["self"] for _ in range(2))
    still = waiting(service, unchanged)
    heard = waiting(service, changed)
    until(lambda: service.tails.followers == 2)

    service.client.post(f"{changed}/cancel")
    assert heard.result().json()["status"] == "cancelled"
    assert service.client.get(f"{changed}?wait=60").json()["status"] == "cancelled", "final"
    assert not still.done()

    service.client.post(f"{unchanged}/cancel")
    assert still.result().json()["status"] == "cancelled"


def test_a_wait_ends_with_its_time(service: Service) -> None:
    path = service.post()["links"]["self"]
    etag = service.client.get(path).headers["etag"]

    started = time.monotonic()
    assert service.client.get(f"{path}?wait=0.2").status_code == 200
    assert time.monotonic() >= started + 0.2
    assert (
        service.client.get(f"{path}?wait=0.1", headers={"if-none-match": etag}).status_code == 304
    )


def test_a_job_is_paused_resumed_and_cancelled_for_good(service_on_both: Service) -> None:
    client = service_on_both.client
    path = service_on_both.post()["links"]["self"]

    assert client.post(f"{path}/pause").json()["status"] == "paused"
    assert client.post(f"{path}/resume").json()["status"] == "queued"
    cancelled = client.post(f"{path}/cancel").json()
    assert cancelled["status"] == "cancelled"
    assert cancelled["finished_at"] is not None
    for verb in ("pause", "resume", "cancel"):
        answer = client.post(f"{path}/{verb}")
        assert answer.status_code == 409
        assert answer.json()["code"] == "conflict"
    assert client.get(path).json() == cancelled


def test_a_running_job_is_not_deleted_and_a_final_one_is(service: Service) -> None:
    job = service.post()
    path = job["links"]["self"]
    take(service.database, job["id"])

    assert service.client.delete(path).status_code == 409
    with service.database.write() as session:
        jobs.fail_job(session, job["id"], "internal", "It was a test.")
    queued = service.post()["links"]["self"]
    deleted = service.client.delete(queued)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert service.client.get(queued).status_code == 404
    assert service.client.delete(queued).status_code == 404


def test_a_deleted_job_leaves_no_file_behind(service: Service) -> None:
    job, other = service.post(), service.post()
    root = service.settings.data_dir / "artifacts" / "jobs"
    for owner in (job, other):  # an attempt that crashed: files that no row tells of
        orphan = root / owner["id"] / "coh_x" / "1" / ".draft"
        orphan.parent.mkdir(parents=True)
        orphan.touch()

    assert service.client.delete(job["links"]["self"]).status_code == 204

    assert [path.name for path in root.iterdir()] == [other["id"]]


def test_a_failed_job_says_why_as_a_problem(service: Service) -> None:
    job = service.post()
    with service.database.write() as session:
        jobs.fail_job(session, job["id"], "deadline", "The job's deadline_s passed.")

    found = service.client.get(job["links"]["self"]).json()

    assert found["status"] == "failed"
    assert found["error"]["code"] == "deadline"
    assert found["error"]["detail"] == "The job's deadline_s passed."


@pytest.mark.parametrize(
    "verb", ["", "/cancel", "/pause", "/resume", "/runs", "/metrics", "/report"]
)
def test_an_unknown_job_is_a_404_everywhere(service: Service, verb: str) -> None:
    method = "POST" if verb in ("/cancel", "/pause", "/resume") else "GET"

    answer = service.client.request(method, f"/v1/jobs/job_none{verb}")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert "job_none" in answer.json()["detail"]
