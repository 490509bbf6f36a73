"""What a trained job's models rest on, asked through the service."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.datasets import Dataset, load_source
from core.datasets.builtin import Builtin
from core.datasets.canonical import read_canonical
from core.store import checkpoints, datasets, runs
from core.store.artifacts import Artifacts
from core.train import Cohort, Finished, train
from tests.api.conftest import Service, Trained, finish, take
from worker.payload import columns

DIABETES: dict[str, Any] = {
    "dataset": "diabetes",
    "architecture": {"kind": "mlp", "hidden": [16]},
    "loss": "mse",
    "optimizer": {"kind": "adam", "lr": 0.01},
    "epochs": 15,
    "folds": 5,
    "lambda": None,
    "regularizer": None,
    "compare": [
        {"name": "none", "regularizers": []},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": 0.01}]},
    ],
}
DIGITS = {**DIABETES, "dataset": "digits", "loss": "cross_entropy", "epochs": 2}


def post(service: Service, body: Mapping[str, Any]) -> dict[str, Any]:
    answer = service.client.post("/v1/jobs", json={k: v for k, v in body.items() if v is not None})
    assert answer.status_code == 201, answer.text
    return answer.json()


def trained(
    service: Service, body: Mapping[str, Any], dataset: Dataset, folder: Path, **kept: bool
) -> dict[str, Any]:
    """A job that the real engine trained, stored as a worker stores it."""
    posted = post(service, body)
    held = take(service.database, posted["id"])
    with service.database.read() as session:
        rows = runs.of_cohort(session, held.cohort_id)
    members = [(r.arm, r.setting, r.seed, r.repeat, r.fold, r.inner_fold) for r in rows]
    events = list(train(Cohort.of(posted["spec"], members), dataset))
    (end,) = (event for event in events if isinstance(event, Finished))
    assert end.write_rows is not None
    store(service, held, "rows", end.write_rows, folder)
    if kept.get("weights", True):
        store(service, held, "weights", end.write_weights, folder)
    order = [row.id for row in rows]
    final, _ = columns(end.final)
    finish(service.database, Trained(held.job_id, held.cohort_id, held.fence, order), **final)
    return posted


def store(service: Service, held: Trained, kind: Any, write: Any, folder: Path) -> None:
    path = folder / f"{held.cohort_id}-{kind}.safetensors"
    write(path)
    key = f"jobs/{held.job_id}/{held.cohort_id}/{kind}.safetensors"
    stored = Artifacts(service.settings.artifacts_url).put(key, path)
    with service.database.write() as session:
        checkpoints.insert_checkpoint(
            session, held.cohort_id, held.fence, epoch=2, kind=kind, key=stored.key,
            sha256=stored.sha256, size_bytes=stored.bytes,
        )  # fmt: skip


def builtin(name: str) -> Dataset:
    return load_source(Builtin(name=name), lambda _: Path())


def figure(service: Service, job: Mapping[str, Any]) -> dict[str, Any]:
    answer = service.client.get(f"/v1/jobs/{job['id']}/figures/importance.json")
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trained")


@pytest.fixture(scope="module")
def diabetes(service: Service, folder: Path) -> dict[str, Any]:
    return trained(service, {**DIABETES, "repeats": 2}, builtin("diabetes"), folder)


def test_a_regression_is_told_by_its_features_names(
    service: Service, diabetes: dict[str, Any]
) -> None:
    found = figure(service, diabetes)
    rows = found["data"]["values"]
    assert {row["name"] for row in rows} == set(builtin("diabetes").facts.feature_names)
    assert rows == sorted(rows, key=lambda row: -row["loss"])
    assert {rows[0]["name"], rows[1]["name"]} <= {"bmi", "s5"}
    assert all(row["low"] <= row["loss"] <= row["high"] for row in rows)
    best = service.client.get(diabetes["links"]["report"]).json()["best_arm"]
    assert found["description"].startswith(f"{best} rests most on {rows[0]['name']}")
    assert "test mse rises by" in found["description"]


def test_page_and_markdown_say_it_and_json_does_not_wait_for_it(
    service: Service, diabetes: dict[str, Any]
) -> None:
    link = diabetes["links"]["report"]
    page = service.client.get(link, params={"format": "html"}).text
    markdown = service.client.get(link, params={"format": "md"}).text
    report = service.client.get(link).json()
    said = figure(service, diabetes)["description"]
    assert said in page
    assert said in markdown
    assert 'id="figure-importance"' in page
    assert "What predictions rest on" in page
    titles = {link["name"]: link["title"] for link in report["figures"]}
    assert titles["importance"] == "What the predictions rest on"


def test_it_comes_as_a_picture_too(service: Service, diabetes: dict[str, Any]) -> None:
    for suffix, start in (("svg", b"<svg"), ("png", b"\x89PNG")):
        answer = service.client.get(f"/v1/jobs/{diabetes['id']}/figures/importance.{suffix}")
        assert answer.content.startswith(start)


def test_an_image_is_told_as_a_map(service: Service, folder: Path) -> None:
    body = {**DIGITS, "architecture": "linear", "epochs": 15}
    job = trained(service, body, builtin("digits"), folder)
    rows = figure(service, job)["data"]["values"]
    assert len(rows) == 64
    assert {row["row"] for row in rows} == {str(i) for i in range(8)}
    assert max(rows, key=lambda row: row["part"])["told"]


def test_an_upload_is_told_by_its_columns(service: Service, folder: Path) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 3))
    y = np.where(2 * x[:, 1] + 0.3 * rng.normal(size=200) > 0, "ill", "well")
    lines = [
        "age,weight,noise,state",
        *(f"{a},{b},{c},{t}" for (a, b, c), t in zip(x, y, strict=True)),
    ]
    uploaded = service.client.post(
        "/v1/datasets",
        files={"file": ("people.csv", "\n".join(lines).encode(), "text/csv")},
        data={"spec": json.dumps({"target": "state"})},
    ).json()
    with service.database.read() as session:
        key = datasets.get_dataset(session, uploaded["id"]).key
    with Artifacts(service.settings.artifacts_url).local(key) as path:
        data = read_canonical(path)
    body = {**DIGITS, "dataset": uploaded["id"], "epochs": 10}
    job = trained(service, body, data, folder)
    found = figure(service, job)
    assert "rests most on weight: without it test accuracy falls by" in found["description"]
    strength = {row["name"]: row["strength"] for row in found["data"]["values"]}
    assert strength["weight"] == 1
    assert strength["noise"] < 1
    Artifacts(service.settings.artifacts_url).delete(key)
    other = trained(service, {**body, "epochs": 9}, data, folder)
    assert "upload it again" in json.dumps(figure(service, other))


def test_without_weights_a_sentence_says_so(service: Service, folder: Path) -> None:
    job = trained(service, DIABETES, builtin("diabetes"), folder, weights=False)
    found = figure(service, job)
    assert found["description"] == "What the predictions rest on is not known"
    assert "left no weights" in json.dumps(found["title"])
    page = service.client.get(job["links"]["report"], params={"format": "html"})
    assert page.status_code == 200
    assert "left no weights" in page.text


def test_weights_that_are_gone_from_the_store_are_missed_in_a_sentence(
    service: Service, folder: Path
) -> None:
    job = trained(service, DIABETES, builtin("diabetes"), folder)
    with service.database.read() as session:
        (cohort,) = runs.cohorts_of(session, [r.id for r in runs.of_job(session, job["id"])])
    Artifacts(service.settings.artifacts_url).delete(
        f"jobs/{job['id']}/{cohort}/weights.safetensors"
    )
    assert "are gone from the store" in json.dumps(figure(service, job)["title"])


def test_a_job_that_trains_is_not_asked(service: Service) -> None:
    job = post(service, DIABETES)
    answer = service.client.get(f"/v1/jobs/{job['id']}/figures/importance.json")
    assert answer.status_code == 404
