from __future__ import annotations

from api.telemetry import Counts, Telemetry
from core.errors import Unavailable


def test_what_a_process_counts_itself_is_told_while_the_database_is_away() -> None:
    away = True

    def read() -> Counts:
        if away:
            raise Unavailable("The database did not answer.")
        return {"queued": 2.0}

    telemetry = Telemetry()
    telemetry.watch("occam_jobs", "Jobs.", "status", read)
    telemetry.observe("GET", "/v1/jobs", 503, 0.1)

    text = telemetry.exposition().decode()
    assert 'occam_http_requests_total{method="GET",route="/v1/jobs",status="503"} 1.0' in text
    assert "occam_jobs" not in text

    away = False
    assert 'occam_jobs{status="queued"} 2.0' in telemetry.exposition().decode()
