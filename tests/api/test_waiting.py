from __future__ import annotations

from core.store import workers
from tests.api.conftest import LEAST, Service


def test_a_job_says_what_it_waits_for_until_a_worker_serves_its_device(service: Service) -> None:
    job = service.post(device="cuda")
    path = job["links"]["self"]
    assert "No worker was seen" in job["waiting"]
    first = service.client.get(path)

    with service.database.write() as session:
        workers.seen(session, "wrk_cpu", host="here", pid=1, device="cpu")
    known = {"if-none-match": first.headers["etag"]}
    second = service.client.get(path).json()
    assert 'No worker serves device "cuda"' in second["waiting"]
    assert service.client.get("/v1/jobs").json()["data"][0]["waiting"] == second["waiting"]
    assert service.post()["waiting"] is None

    with service.database.write() as session:
        workers.seen(session, "wrk_gpu", host="here", pid=2, device="cuda")
    answer = service.client.get(path, headers=known)
    assert answer.status_code == 200
    assert answer.json()["waiting"] is None

    with service.database.write() as session:
        workers.gone(session, "wrk_cpu")
        workers.gone(session, "wrk_gpu")


def test_a_dry_run_notes_what_the_job_would_wait_for(service: Service) -> None:
    with service.database.write() as session:
        workers.seen(session, "wrk_cpu", host="here", pid=1, device="cpu")

    def notes(**fields: object) -> list[str]:
        body = {**LEAST, "folds": None, **fields}
        return service.client.post("/v1/jobs", params={"dry_run": "true"}, json=body).json()[
            "notes"
        ]

    assert notes() == []
    (note,) = notes(device="cuda")
    assert 'No worker serves device "cuda"' in note
    assert len(notes(device="cuda", search="random")) == 2
