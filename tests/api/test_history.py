from __future__ import annotations

from typing import Any

import pytest

from api import metrics_csv
from core.store import events
from tests.api.conftest import Service, Trained, finish, log_epoch, take


@pytest.fixture
def held(service: Service) -> Trained:
    """A job of two runs (seeds 0 and 1) with three logged epochs; the second run ends early."""
    job = service.post(seeds=2, epochs=3)
    held = take(service.database, job["id"])
    log_epoch(service.database, held, 1, val_loss=[0.5, 0.75], lr=[0.1, 0.1])
    with service.database.write() as session:
        data = {
            "epoch": 2,
            "runs": held.run_ids,
            "metrics": {"val_loss": [0.25, None], "lr": [0.1, 0.1]},
            "nonfinite": {"val_loss": {"1": "nan"}},
        }
        events.append(
            session, held.job_id, "metrics", data,
            cohort_id=held.cohort_id, fence=held.fence, epoch=2,
        )  # fmt: skip
    first_alone = Trained(held.job_id, held.cohort_id, held.fence, held.run_ids[:1])
    log_epoch(service.database, first_alone, 3, val_loss=[0.125], lr=[0.1])
    return held


def read_all(service: Service, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every item, page by page; asserts that no page is larger than asked."""
    found: list[dict[str, Any]] = []
    while True:
        page = service.client.get(path, params=query).json()
        assert len(page["data"]) <= query.get("limit", 100)
        found += page["data"]
        if not page["has_more"]:
            return found
        query["after"] = page["next"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 7, 100])
def test_points_are_the_same_however_they_are_paged(
    service: Service, held: Trained, limit: int
) -> None:
    a, b = held.run_ids
    path = f"/v1/jobs/{held.job_id}/metrics"

    points = read_all(service, path, limit=limit)

    assert points == [
        {"run": a, "epoch": 1, "name": "val_loss", "value": 0.5},
        {"run": b, "epoch": 1, "name": "val_loss", "value": 0.75},
        {"run": a, "epoch": 1, "name": "lr", "value": 0.1},
        {"run": b, "epoch": 1, "name": "lr", "value": 0.1},
        {"run": a, "epoch": 2, "name": "val_loss", "value": 0.25},
        {"run": b, "epoch": 2, "name": "val_loss", "value": None, "kind": "nan"},
        {"run": a, "epoch": 2, "name": "lr", "value": 0.1},
        {"run": b, "epoch": 2, "name": "lr", "value": 0.1},
        {"run": a, "epoch": 3, "name": "val_loss", "value": 0.125},
        {"run": a, "epoch": 3, "name": "lr", "value": 0.1},
    ]


@pytest.mark.parametrize("batch", [1, 3, 5000])
def test_all_points_come_as_csv(
    service: Service, held: Trained, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics_csv, "BATCH", batch)
    a, b = held.run_ids
    path = f"/v1/jobs/{held.job_id}/metrics"

    answer = service.client.get(path, params={"limit": 1}, headers={"accept": "text/csv"})
    some = service.client.get(path, params={"format": "csv", "run": b, "name": "val_loss"})

    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    lines = answer.text.splitlines()
    assert lines[:3] == [
        "run,arm,seed,repeat,fold,inner_fold,epoch,name,value,kind",
        f"{a},base,0,0,,,1,val_loss,0.5,",
        f"{b},base,1,0,,,1,val_loss,0.75,",
    ]
    assert len(lines) == 11
    assert some.text.splitlines()[1:] == [
        f"{b},base,1,0,,,1,val_loss,0.75,",
        f"{b},base,1,0,,,2,val_loss,,nan",
    ]


def test_points_in_a_form_that_there_is_not_are_a_406(service: Service, held: Trained) -> None:
    path = f"/v1/jobs/{held.job_id}/metrics"

    answer = service.client.get(path, headers={"accept": "application/xml"})

    assert answer.status_code == 406
    assert "text/csv" in answer.json()["detail"]
    missing = service.client.get("/v1/jobs/job_x/metrics", headers={"accept": "text/csv"})
    assert missing.status_code == 404


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_points_are_narrowed_to_a_run_an_arm_and_a_metric(
    service: Service, held: Trained, limit: int
) -> None:
    path = f"/v1/jobs/{held.job_id}/metrics"

    of_run = read_all(service, path, run=held.run_ids[0], name="val_loss", limit=limit)
    of_arm = read_all(service, path, arm="base", name="lr", limit=limit)

    assert [point["value"] for point in of_run] == [0.5, 0.25, 0.125]
    assert len(of_arm) == 5
    assert read_all(service, path, name="test_accuracy") == []
    assert read_all(service, path, name="term/l2") == []


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"arm": "bse"}, 404, 'did you mean "base"?'),
        ({"name": "val_los"}, 422, 'did you mean "val_loss"?'),
        ({"run": "run_nope"}, 404, "run_nope"),
    ],
)
def test_a_filter_that_names_what_is_not_there_is_refused(
    service: Service, held: Trained, query: dict[str, str], status: int, words: str
) -> None:
    answer = service.client.get(f"/v1/jobs/{held.job_id}/metrics", params=query)

    assert answer.status_code == status
    assert words in answer.json()["detail"]


def test_the_runs_of_an_arm_that_is_not_there_are_refused(service: Service, held: Trained) -> None:
    answer = service.client.get(f"/v1/jobs/{held.job_id}/runs", params={"arm": "nope"})

    assert answer.status_code == 404
    assert 'its arms are "base"' in answer.json()["detail"]


@pytest.mark.parametrize("limit", [1, 100])
def test_runs_are_narrowed_to_a_seed_a_repeat_and_a_fold(service: Service, limit: int) -> None:
    job = service.post(seeds=[3, 4], repeats=2, folds=3)
    path = f"/v1/jobs/{job['id']}/runs"

    def places(**query: Any) -> list[tuple[int, int, int]]:
        found = read_all(service, path, limit=limit, **query)
        return [(run["seed"], run["repeat"], run["fold"]) for run in found]

    every = places()
    assert len(every) == 12
    assert places(seed=4) == [place for place in every if place[0] == 4]
    assert places(repeat=1, fold=0) == [(3, 1, 0), (4, 1, 0)]
    assert places(seed=3, repeat=0, fold=2, status="queued") == [(3, 0, 2)]
    assert places(fold=2, status="running") == []


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"fold": 3}, 404, "has no fold 3; its folds are [0, 1, 2]."),
        ({"repeat": 1}, 404, "has no repeat 1; its repeats are [0]."),
        ({"seed": 10**30}, 404, "its seeds are [3, 4]."),
        ({"fold": -1}, 422, "fold should be at least 0"),
        ({"fold": "first"}, 422, "fold"),
        ({"folds": 1}, 422, 'did you mean "fold"?'),
    ],
)
def test_a_place_that_a_job_does_not_have_is_refused(
    service: Service, query: dict[str, Any], status: int, words: str
) -> None:
    job = service.post(seeds=[3, 4], folds=3)
    answer = service.client.get(f"/v1/jobs/{job['id']}/runs", params=query)
    assert answer.status_code == status
    assert words in answer.text.replace('\\"', '"')


def test_a_job_with_one_held_out_part_has_no_fold_to_ask_for(
    service: Service, held: Trained
) -> None:
    answer = service.client.get(f"/v1/jobs/{held.job_id}/runs", params={"fold": 0})
    assert answer.status_code == 404
    assert "has no fold 0; it has no folds." in answer.json()["detail"]


def test_a_cursor_of_runs_fits_its_own_filter_only(service: Service) -> None:
    path = f"/v1/jobs/{service.post(seeds=1, folds=3, repeats=2)['id']}/runs"
    page = service.client.get(path, params={"repeat": 0, "limit": 1}).json()
    other = service.client.get(path, params={"repeat": 1, "after": page["next"]})
    assert other.status_code == 400


def test_the_cursor_waits_where_a_running_job_stands(service: Service, held: Trained) -> None:
    path = f"/v1/jobs/{held.job_id}/metrics"
    page = service.client.get(path).json()
    assert (page["has_more"], len(page["data"])) == (False, 10)

    empty = service.client.get(path, params={"after": page["next"]}).json()
    assert (empty["data"], empty["has_more"]) == ([], False)
    log_epoch(service.database, held, 4, val_loss=[0.1, 0.2])
    news = service.client.get(path, params={"after": empty["next"]}).json()
    assert [point["value"] for point in news["data"]] == [0.1, 0.2]
    finish(service.database, held, val_accuracy=[0.9, 0.8])
    end = service.client.get(path, params={"after": news["next"]}).json()
    assert (end["data"], end["has_more"], end["next"]) == ([], False, None)


def test_a_cursor_fits_its_own_filter_only(service: Service, held: Trained) -> None:
    path = f"/v1/jobs/{held.job_id}/metrics"
    cursor = service.client.get(path, params={"limit": 1}).json()["next"]

    assert service.client.get(path, params={"after": cursor, "name": "lr"}).status_code == 400


def test_a_run_of_another_job_is_not_found_here(service: Service, held: Trained) -> None:
    other = service.post()
    run = service.client.get(other["links"]["runs"]).json()["data"][0]["id"]

    answer = service.client.get(f"/v1/jobs/{held.job_id}/metrics", params={"run": run})

    assert answer.status_code == 404


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_events_tell_what_happened_without_the_values(
    service: Service, held: Trained, limit: int
) -> None:
    finish(service.database, held, val_accuracy=[0.9, 0.8])

    found = read_all(service, f"/v1/jobs/{held.job_id}/events", limit=limit)

    seqs = [event["seq"] for event in found]
    assert seqs == sorted(seqs)
    assert {event["type"] for event in found} == {"event", "status"}
    statuses = [event["data"]["status"] for event in found if event["type"] == "status"]
    assert statuses == ["queued", "running", "succeeded"]


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_runs_are_listed_in_the_order_of_the_specification(service: Service, limit: int) -> None:
    job = service.post(seeds=[7, 3], **{"lambda": {"values": [0.1, 0.01]}})

    found = read_all(service, job["links"]["runs"], limit=limit)

    assert [(run["setting"], run["seed"]) for run in found] == [
        ({"/regularizers/0/lambda": 0.1}, 7),
        ({"/regularizers/0/lambda": 0.1}, 3),
        ({"/regularizers/0/lambda": 0.01}, 7),
        ({"/regularizers/0/lambda": 0.01}, 3),
    ]
    assert all(run["job"] == job["id"] and run["status"] == "queued" for run in found)
    assert service.client.get(found[0]["links"]["self"]).json() == found[0]
    queued = service.client.get(job["links"]["runs"], params={"status": "failed"}).json()
    assert queued["data"] == []


def test_a_finished_run_shows_its_scores(service: Service, held: Trained) -> None:
    finish(service.database, held, val_accuracy=[0.9, 0.8], zeros=[0.5, 0.25])

    run = service.client.get(f"/v1/runs/{held.run_ids[1]}").json()

    assert run["status"] == "succeeded"
    assert run["final"] == {"val_accuracy": 0.8, "zeros": 0.25}
    assert (run["stopped_epoch"], run["stop_reason"]) == (2, "completed")
