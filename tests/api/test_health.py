from __future__ import annotations

from core.store import workers
from tests.api.conftest import Service, take


def test_a_process_that_answers_is_alive(service: Service) -> None:
    answer = service.client.get("/healthz")

    assert answer.status_code == 200
    assert answer.json()["status"] == "alive"


def test_a_service_is_ready_once_a_worker_was_seen(service_on_both: Service) -> None:
    before = service_on_both.client.get("/readyz")
    assert before.status_code == 503
    assert before.json()["checks"]["database"] == "ok"
    assert before.json()["checks"]["broker"] == "off"
    assert "start one" in before.json()["checks"]["workers"]

    with service_on_both.database.write() as session:
        workers.seen(session, "wrk_test", host="here", pid=1, device="cpu")
    after = service_on_both.client.get("/readyz")

    assert after.status_code == 200
    assert after.json() == {
        "status": "ready",
        "checks": {"database": "ok", "broker": "off", "workers": "ok"},
    }


def test_prometheus_reads_requests_and_jobs(service: Service) -> None:
    service.post()
    take(service.database, service.post()["id"])
    service.client.get("/v1/jobs/job_none")
    service.client.request("BREW", "/v1/jobs")

    answer = service.client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    lines = answer.text.splitlines()
    assert 'occam_jobs{status="queued"} 1.0' in lines
    assert 'occam_jobs{status="running"} 1.0' in lines
    assert 'occam_cohorts{status="running"} 1.0' in lines
    assert any(
        line.startswith('occam_http_requests_total{method="POST",route="/v1/jobs",status="201"}')
        for line in lines
    )
    assert any('route="/v1/jobs/{job_id}",status="404"' in line for line in lines)
    assert not any("job_none" in line or "BREW" in line for line in lines)
    assert "occam_stream_followers 0.0" in lines
