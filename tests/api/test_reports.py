from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import text

from core.rows import RowScores, write_rows
from core.store import checkpoints
from core.store.artifacts import Artifacts
from tests.api.conftest import Service, Trained, finish, log_epoch, take

MEDIA = {
    "json": "application/json",
    "html": "text/html; charset=utf-8",
    "md": "text/markdown; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}


@pytest.fixture(scope="module")
def job(service: Service) -> dict[str, Any]:
    """A finished comparison of two arms over three seeds."""
    return compared(service)


def compared(service: Service, **changes: Any) -> dict[str, Any]:
    arms = [{"name": "none", "regularizers": []}, {"name": "l2"}]
    posted = service.post(compare=arms, seeds=3, epochs=2, **changes)
    held = take(service.database, posted["id"])
    loss = [0.5, 0.52, 0.51, 0.3, 0.33, 0.31]
    for epoch in (1, 2):
        log_epoch(
            service.database, held, epoch, val_loss=loss, train_loss=loss,
            val_accuracy=[1 - x for x in loss], train_accuracy=[1 - x for x in loss],
        )  # fmt: skip
    scores = [1 - x for x in loss]
    finish(
        service.database, held, train_accuracy=scores, val_accuracy=scores, test_accuracy=scores,
        train_loss=loss, val_loss=loss, test_loss=loss, zeros=[0.0] * 6,
    )  # fmt: skip
    return posted


def with_rows(service: Service, folder: Path, **changes: Any) -> dict[str, Any]:
    """As `compared`, with scores of 360 test rows: l2 is right where none is, and on 60 more."""
    arms = [{"name": "none", "regularizers": []}, {"name": "l2"}]
    posted = service.post(compare=arms, seeds=3, epochs=2, **changes)
    held = take(service.database, posted["id"])
    right_RN = np.tile(np.arange(360) < 280, (6, 1)).astype(np.float32)
    right_RN[3:, 280:340] = 1
    scores = RowScores(
        index_SN=np.arange(360)[None] + 1000,
        stream_R=np.zeros(6, np.int64),
        target_SN=np.arange(360)[None] % 10,
        row={"accuracy": right_RN, "loss": 1 - right_RN},
        probability_RNC=np.full((6, 360, 10), 0.1, np.float32),
    )
    store_rows(service, held, scores, folder / "rows.safetensors")
    accuracy, loss = right_RN.mean(1).tolist(), (1 - right_RN).mean(1).tolist()
    finish(
        service.database, held, train_accuracy=accuracy, val_accuracy=accuracy,
        test_accuracy=accuracy, train_loss=loss, val_loss=loss, test_loss=loss,
    )  # fmt: skip
    return posted


def store_rows(service: Service, held: Trained, scores: RowScores, path: Path) -> None:
    """Store the artifact and its row, as a worker does."""
    write_rows(path, scores)
    key = f"jobs/{held.job_id}/{held.cohort_id}/rows.safetensors"
    stored = Artifacts(service.settings.artifacts_url).put(key, path)
    with service.database.write() as session:
        checkpoints.insert_checkpoint(
            session, held.cohort_id, held.fence, epoch=2, kind="rows", key=stored.key,
            sha256=stored.sha256, size_bytes=stored.bytes,
        )  # fmt: skip


@pytest.fixture(scope="module")
def tested(service: Service, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A finished comparison with scores by test row."""
    return with_rows(service, tmp_path_factory.mktemp("rows"), name="tested")


@pytest.mark.parametrize("form", MEDIA)
def test_a_report_comes_in_the_form_that_is_asked_for(
    service: Service, job: dict[str, Any], form: str
) -> None:
    path = job["links"]["report"]

    by_accept = service.client.get(path, headers={"accept": MEDIA[form]})
    by_name = service.client.get(path, params={"format": form}, headers={"accept": "image/png"})

    for answer in (by_accept, by_name):
        assert answer.status_code == 200, answer.text[:400]
        assert answer.headers["content-type"] == MEDIA[form]
        assert answer.headers["vary"] == "accept"
        assert len(answer.content) > 200
    assert by_accept.content == by_name.content


def test_a_report_says_which_arm_is_best(service: Service, job: dict[str, Any]) -> None:
    report = service.client.get(job["links"]["report"]).json()

    assert report["object"] == "report"
    assert report["jobs"] == [job["id"]]
    assert (report["metric"], report["direction"], report["partial"]) == (
        "val_accuracy",
        "max",
        False,
    )
    assert [arm["name"] for arm in report["arms"]] == ["none", "l2"]
    assert "l2" in report["verdict"]
    chosen = report["arms"][1]["chosen"]
    assert chosen["min"]["scores"]["val_accuracy"]["mean"] == pytest.approx(0.68667, abs=1e-4)
    assert set(chosen) == {"min", "1se"}


def test_a_report_compares_row_by_row_where_rows_are_stored(
    service: Service, tested: dict[str, Any]
) -> None:
    report = service.client.get(tested["links"]["report"]).json()

    assert report["method"]["source"] == "rows"
    assert report["rows"]["tested"] == 360
    assert report["headline"] == "l2 beats none by 16.7 points."
    assert (report["outcome"], report["best_arm"]) == ("better", "l2")
    (pair,) = report["pairs"]
    assert pair["difference"] == pytest.approx(60 / 360)
    assert pair["rows"] == pytest.approx(60)


def test_the_rows_behind_a_report_can_be_fetched(service: Service, tested: dict[str, Any]) -> None:
    path = f"{tested['links']['report']}/rows"

    answer = service.client.get(path)
    columns = service.client.get(path, headers={"accept": "application/json"}).json()["columns"]

    assert answer.headers["content-type"] == MEDIA["csv"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(lines) == 2 * 3 * 360 == len(columns["row"])
    assert {line["arm"] for line in lines} == {"none", "l2"}
    assert [int(line["row"]) for line in lines[:360]] == list(range(1000, 1360))
    assert [float(line["accuracy"]) for line in lines] == columns["accuracy"]
    assert sum(columns["accuracy"]) == 3 * (280 + 340)
    assert {"target", "loss", "seed", "probability_0", "probability_9"} <= set(columns)
    assert columns["fold"][0] is None


def test_a_job_without_scores_by_row_has_none_to_fetch(
    service: Service, job: dict[str, Any]
) -> None:
    answer = service.client.get(f"{job['links']['report']}/rows")

    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("it is succeeded, and left none.")
    report = service.client.get(job["links"]["report"]).json()
    assert report["method"]["source"] == "none"
    assert any("No scores by row are stored" in note for note in report["notes"])


def test_a_report_of_a_job_that_has_hardly_begun_is_partial(service: Service) -> None:
    report = service.client.get(service.post()["links"]["report"])

    assert report.status_code == 200
    assert report.json()["partial"] is True


def test_a_form_that_there_is_not_is_a_406(service: Service, job: dict[str, Any]) -> None:
    answer = service.client.get(job["links"]["report"], headers={"accept": "application/pdf"})

    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]
    assert service.client.get(job["links"]["report"] + "?format=pdf").status_code == 422


def test_the_page_of_a_report_runs_no_script(service: Service, job: dict[str, Any]) -> None:
    answer = service.client.get(job["links"]["report"], params={"format": "html"})

    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src" not in policy


def test_a_selection_can_be_asked_for_otherwise(service: Service, job: dict[str, Any]) -> None:
    query = {"metric": "val_loss", "rule": "1se"}

    report = service.client.get(job["links"]["report"], params=query).json()

    assert (report["metric"], report["method"]["rule"]) == ("val_loss", "1se")
    assert service.client.get(job["links"]["report"], params={"rule": "max"}).status_code == 422
    by_test = service.client.get(job["links"]["report"], params={"metric": "test_loss"})
    assert by_test.status_code == 422


def test_every_figure_of_a_report_can_be_fetched(service: Service, job: dict[str, Any]) -> None:
    figures = service.client.get(job["links"]["report"]).json()["figures"]
    assert figures
    for figure in figures:
        path = f"/v1/jobs/{job['id']}/figures/{figure['name']}"
        assert service.client.get(path).json()["$schema"].startswith("https://vega.github.io")
        for link in figure["links"].values():
            assert service.client.get(link).status_code == 200
    svg = service.client.get(path, headers={"accept": "image/svg+xml"})
    assert svg.headers["content-type"] == "image/svg+xml"
    assert svg.text.lstrip().startswith("<svg")
    assert service.client.get(path + ".svg").content == svg.content
    png = service.client.get(path + ".png")
    assert png.content.startswith(b"\x89PNG")


def test_an_unknown_figure_is_a_404_that_names_those_there_are(
    service: Service, job: dict[str, Any]
) -> None:
    answer = service.client.get(f"/v1/jobs/{job['id']}/figures/nothing.svg")

    assert answer.status_code == 404
    assert "learning" in answer.json()["detail"]


def test_the_answer_for_a_finished_job_is_kept_until_it_is_deleted(service: Service) -> None:
    own = compared(service, name="kept")
    links = [f"/v1/jobs/{own['id']}/figures/learning.svg", own["links"]["report"] + "?format=html"]
    before = [service.client.get(link).content for link in links]
    with service.database.write() as session:
        session.execute(text("DELETE FROM events WHERE job_id = :id"), {"id": own["id"]})

    assert [service.client.get(link).content for link in links] == before
    other = service.client.get(links[1], params={"format": "html", "metric": "val_loss"})
    assert other.content != before[1]
    assert service.client.delete(own["links"]["self"]).status_code == 204
    assert {service.client.get(link).status_code for link in links} == {404}


def test_jobs_on_the_same_data_stand_in_one_report(service: Service, job: dict[str, Any]) -> None:
    other = compared(service, name="second")

    answer = service.client.post("/v1/reports", json={"jobs": [job["id"], other["id"]]})

    assert answer.status_code == 200, answer.text
    assert answer.json()["jobs"] == [job["id"], other["id"]]
    assert len(answer.json()["arms"]) == 4
    table = service.client.post(
        "/v1/reports", json={"jobs": [job["id"]]}, headers={"accept": "text/csv"}
    )
    assert table.headers["content-type"] == MEDIA["csv"]


def test_jobs_on_several_datasets_are_summarised_by_rank(
    service: Service, job: dict[str, Any]
) -> None:
    other = compared(service, dataset="iris", name="on flowers")

    answer = service.client.post("/v1/reports", json={"jobs": [job["id"], other["id"]]})

    assert answer.status_code == 200, answer.text
    summary = answer.json()
    assert summary["object"] == "summary"
    assert [found["dataset"] for found in summary["datasets"]] == ["digits", "iris"]
    assert {arm["name"]: arm["average_rank"] for arm in summary["arms"]} == {"l2": 1, "none": 2}
    assert summary["headline"] == "l2 ranks best over 2 datasets; not proven."
    for form, media in MEDIA.items():
        told = service.client.post(
            "/v1/reports", json={"jobs": [job["id"], other["id"]]}, params={"format": form}
        )
        assert told.headers["content-type"] == media
        assert "l2" in told.text


def test_jobs_on_several_datasets_need_arms_of_the_same_names(
    service: Service, job: dict[str, Any]
) -> None:
    other = service.post(dataset="iris")

    answer = service.client.post("/v1/reports", json={"jobs": [job["id"], other["id"]]})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/jobs"
    assert "matched by name" in answer.json()["errors"][0]["detail"]


def test_jobs_on_one_dataset_but_other_splits_are_refused_among_others(
    service: Service, job: dict[str, Any]
) -> None:
    iris = compared(service, dataset="iris")
    split = service.post(dataset="iris", split={"validation": 0.3})

    answer = service.client.post("/v1/reports", json={"jobs": [job["id"], iris["id"], split["id"]]})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/jobs/2"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"jobs": []}, 422),
        ({"jobs": "job_x"}, 422),
        ({"jobs": ["job_none"]}, 404),
        ({"jobs": [1]}, 422),
        ({}, 422),
        ({"jobs": ["job_none"], "odd": 1}, 422),
    ],
)
def test_a_bad_request_for_a_report_is_refused(service: Service, body: object, status: int) -> None:
    answer = service.client.post("/v1/reports", json=body)

    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
