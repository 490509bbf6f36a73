"""A client's whole journey in plain HTTP."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from io import BytesIO
from typing import Any

import httpx2
import numpy as np
import pytest
from safetensors.numpy import load

from tests.api.conftest import messages
from tests.end_to_end.deployment import pages
from tests.waiting import until

QUICK: dict[str, Any] = {
    "name": "quick",
    "dataset": "iris",
    "architecture": {"kind": "mlp", "hidden": [8]},
    "loss": "cross_entropy",
    "epochs": 5,
    "batch_size": 32,
    "folds": 1,
    "seeds": 3,
    "compare": [
        {"name": "none"},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": {"values": [0.001, 0.1]}}]},
    ],
}
LONG = {**QUICK, "name": "long", "epochs": 100_000, "evaluate_every": 10}


def post(service, body=None, **headers):
    answer = service.http.post("/v1/jobs", json=body or QUICK, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()


def ended(service, job):
    """The job once it is final, by long polls."""
    etag = ""
    while True:
        headers = {"if-none-match": etag} if etag else {}
        answer = service.http.get(job["links"]["self"], params={"wait": 20}, headers=headers)
        if answer.status_code == 200:
            etag, job = answer.headers["etag"], answer.json()
            if job["finished_at"] is not None:
                return job
        else:
            assert answer.status_code == 304


def instant(stamp):
    """As a time: "08Z" and "08.840Z" sort otherwise as text."""
    return datetime.fromisoformat(stamp)


def steer(service, job, verb):
    return service.http.post(f"{job['links']['self']}/{verb}")


def reaches(service, job, status):
    until(lambda: service.http.get(job["links"]["self"]).json()["status"] == status)


def problem(answer, status, words):
    """The problem that an answer must be."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    found = answer.json()
    assert words in found["detail"]
    assert (found["status"], found["instance"]) == (status, httpx2.URL(answer.url).path)
    assert found["request_id"] == answer.headers["x-request-id"]
    return found


@pytest.fixture(scope="module")
def done(service):
    """A comparison trained to its end."""
    job = ended(service, post(service))
    assert job["status"] == "succeeded", job
    return job


def test_from_post_to_verdict_by_long_polls(service):
    created = service.http.post("/v1/jobs", json=QUICK)

    assert created.status_code == 201
    job = created.json()
    assert created.headers["location"] == job["links"]["self"] == f"/v1/jobs/{job['id']}"
    assert job["status"] == "queued"
    assert job["spec"]["optimizer"] == {
        "kind": "sgd",
        "lr": 0.02,
        "momentum": 0.9,
        "nesterov": False,
    }
    job = ended(service, job)
    assert job["status"] == "succeeded"
    assert job["progress"] == {
        "runs_total": 9,
        "runs_done": 9,
        "epochs_total": 45,
        "epochs_done": 45,
        "eta_s": None,
    } | {"eta_s": job["progress"]["eta_s"]}
    stamps = [instant(job[name]) for name in ("created_at", "started_at", "finished_at")]
    assert stamps == sorted(stamps)
    assert service.http.get(job["links"]["report"]).json()["verdict"].endswith(".")


def test_a_known_etag_is_a_304_with_nothing_in_it(service, done):
    answer = service.http.get(done["links"]["self"])
    again = service.http.get(
        done["links"]["self"], headers={"if-none-match": answer.headers["etag"]}
    )

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]


def test_runs_values_and_events_by_pages_of_any_size(service, done):
    path = done["links"]["self"]
    runs = pages(service.http, f"{path}/runs", limit=2)
    points = pages(service.http, f"{path}/metrics", limit=7)
    events = pages(service.http, f"{path}/events", limit=1)

    assert [(r["arm"], r["setting"], r["seed"]) for r in runs] == [
        (arm, setting, seed)
        for arm, setting in [
            ("none", {}),
            ("l2", {"/regularizers/0/lambda": 0.001}),
            ("l2", {"/regularizers/0/lambda": 0.1}),
        ]
        for seed in range(3)
    ]
    keys = [(p["run"], p["epoch"], p["name"]) for p in points]
    assert len(set(keys)) == len(keys)
    names = {p["name"] for p in points}
    assert len(keys) == 9 * 5 * len(names)
    assert {"train_loss", "val_accuracy", "objective", "term/l2", "zeros", "lr"} <= names
    assert [e["seq"] for e in events] == sorted({e["seq"] for e in events})
    said = [e["data"].get("status") or e["data"]["event"] for e in events]
    assert said == [
        "queued",
        "planned",
        "running",
        "cohort_started",
        "cohort_finished",
        "succeeded",
    ]
    (one,) = {r["id"] for r in runs if r["arm"] == "none" and r["seed"] == 1}
    only = pages(service.http, f"{path}/metrics", run=one, name="val_loss")
    assert [p["epoch"] for p in only] == [1, 2, 3, 4, 5]
    best = min(p["value"] for p in only)
    summary = service.http.get(f"/v1/runs/{one}").json()["metrics"]["val_loss"]
    assert (summary["last"], summary["best"]) == (only[-1]["value"], best)


def test_a_stream_cut_anywhere_goes_on_by_its_last_event_id(service):
    job = post(service, {**QUICK, "epochs": 200})
    path = job["links"]["stream"]
    heard: list[tuple[str, str, Any]] = []
    for cut in (1, 3, 30, 80, 10**6):
        last = {"last-event-id": heard[-1][0]} if heard else {}
        with service.http.stream("GET", path, headers=last) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            for message in messages(answer.iter_lines()):
                if message[1] == "end":
                    assert message[2] == {"status": "succeeded"}
                    break
                heard.append(message)
                if len(heard) >= cut:
                    break

    assert [int(message[0]) for message in heard] == list(range(1, len(heard) + 1))
    assert heard[-1][1:] == ("status", {"status": "succeeded"})
    streamed = {
        (run, data["epoch"], name): value
        for _, kind, data in heard
        if kind == "metrics"
        for name, values in data["metrics"].items()
        for run, value in zip(data["runs"], values, strict=True)
    }
    points = pages(service.http, job["links"]["metrics"], limit=1000)
    assert streamed == {(p["run"], p["epoch"], p["name"]): p["value"] for p in points}
    assert len(points) == len(streamed)


def test_one_key_is_one_job_however_often_and_at_once_it_is_posted(service):
    key = {"idempotency-key": "one-journey"}

    def once(_):
        return service.http.post("/v1/jobs", json=QUICK, headers=key)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(once, range(16)))

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    replayed = [answer.headers.get("idempotency-replayed") for answer in answers]
    assert replayed.count(None) == 1
    other = service.http.post("/v1/jobs", json=LONG, headers=key)
    problem(other, 422, "Idempotency-Key")


def test_a_job_is_paused_resumed_cancelled_and_deleted(service):
    job = post(service, LONG)
    until(lambda: service.http.get(job["links"]["metrics"]).json()["data"])
    problem(service.http.delete(job["links"]["self"]), 409, "cancel")

    assert steer(service, job, "pause").status_code == 200
    reaches(service, job, "paused")
    before = service.http.get(job["links"]["self"]).json()["progress"]["epochs_done"]
    assert ended(service, post(service))["status"] == "succeeded"
    so_far = service.http.get(job["links"]["report"]).json()
    assert so_far["partial"]
    assert so_far["arms"][0]["chosen"]["min"]["scores"]["val_accuracy"]["n"] == 3
    paused = service.http.get(job["links"]["self"]).json()
    assert (paused["status"], paused["progress"]["epochs_done"]) == ("paused", before)

    assert steer(service, job, "resume").json()["status"] == "queued"
    until(lambda: service.http.get(job["links"]["self"]).json()["progress"]["epochs_done"] > before)
    assert steer(service, job, "cancel").status_code == 200
    assert ended(service, job)["status"] == "cancelled"
    for verb in ("pause", "resume", "cancel"):
        problem(steer(service, job, verb), 409, "cancelled")

    runs = pages(service.http, job["links"]["runs"])
    assert {run["status"] for run in runs} == {"cancelled"}
    assert all(run["stopped_epoch"] > 0 for run in runs)
    assert service.http.get(runs[0]["links"]["weights"]).status_code == 200
    kept = service.http.get(job["links"]["report"]).json()
    assert kept["partial"]
    assert kept["arms"][0]["chosen"]["min"]["scores"]["test_accuracy"]["n"] == 3
    assert service.http.delete(job["links"]["self"]).status_code == 204
    for link in job["links"].values():
        problem(service.http.get(link), 404, job["id"])
    problem(service.http.get(f"/v1/runs/{runs[0]['id']}"), 404, runs[0]["id"])
    assert service.http.delete(job["links"]["self"]).status_code == 404


def test_a_job_cancelled_before_it_began_never_trains(service):
    job = post(service, {**LONG, "priority": 0})
    steer(service, job, "cancel")

    assert ended(service, job)["status"] == "cancelled"


def test_a_dataset_of_ones_own_from_upload_to_deletion(service):
    rows = [f"{i % 7},{i % 5},{'even' if i % 2 == 0 else 'odd'}" for i in range(60)]
    file = {"file": ("points.csv", "\n".join(["a,b,parity", *rows]))}
    spec = {"spec": json.dumps({"target": "parity", "name": "points"})}
    created = service.http.post("/v1/datasets", files=file, data=spec)
    assert created.status_code == 201, created.text
    dataset = created.json()
    path = created.headers["location"]

    assert (dataset["examples"], dataset["features"]) == (60, 2)
    assert dataset["classes"] == ["even", "odd"]
    assert service.http.get(f"{path}/preview").json()["columns"] == ["a", "b"]
    job = ended(service, post(service, {**QUICK, "dataset": dataset["id"]}))
    assert job["status"] == "succeeded", job
    problem(service.http.delete(path), 409, job["id"])
    assert service.http.delete(job["links"]["self"]).status_code == 204
    assert service.http.delete(path).status_code == 204
    problem(service.http.get(path), 404, dataset["id"])
    gone = service.http.post("/v1/jobs", json={**QUICK, "dataset": dataset["id"]})
    assert problem(gone, 422, dataset["id"])["errors"][0]["pointer"] == "/dataset"


def test_weights_and_predictions_of_a_run(service, done):
    run = pages(service.http, done["links"]["runs"])[0]
    weights = service.http.get(run["links"]["weights"])
    tensors = load(weights.content)
    inputs = [[5.1, 3.5, 1.4, 0.2], [6.7, 3.0, 5.2, 2.3]]
    answer = service.http.post(run["links"]["predict"], json={"inputs": inputs, "which": "last"})

    assert weights.headers["content-disposition"].startswith("attachment")
    assert tensors["dense_1/weight"].shape == (4, 8)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    last = load(service.http.get(run["links"]["weights"], params={"which": "last"}).content)
    x = (np.array(inputs) - last["standardize/mean"]) / last["standardize/deviation"]
    hidden = np.maximum(x @ last["dense_1/weight"] + last["dense_1/bias"], 0)
    logits = hidden @ last["dense_2/weight"] + last["dense_2/bias"]
    np.testing.assert_allclose(found["outputs"], logits, rtol=1e-4, atol=1e-4)
    assert found["labels"] == [found["classes"][i] for i in logits.argmax(1)]
    np.testing.assert_allclose(np.sum(found["probabilities"], 1), 1, atol=1e-6)
    kinds = {c["kind"] for c in pages(service.http, run["links"]["checkpoints"])}
    assert kinds == {"weights", "rows"}
    bad = service.http.post(run["links"]["predict"], json={"inputs": [[1, 2, 3]]})
    assert problem(bad, 422, "4")["errors"][0]["pointer"].startswith("/inputs")


@pytest.mark.parametrize(
    ("accept", "media", "begins"),
    [
        ("application/json", "application/json", b'{"object":"report"'),
        ("text/html", "text/html", b"<!doctype html>"),
        ("text/markdown", "text/markdown", b"# "),
        ("text/csv", "text/csv", b""),
        ("text/html;q=0.1, text/csv;q=0.9", "text/csv", b""),
        ("*/*", "application/json", b"{"),
    ],
)
def test_a_report_in_the_form_that_is_accepted(service, done, accept, media, begins):
    answer = service.http.get(done["links"]["report"], headers={"accept": accept})

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media)
    assert answer.content.lower().startswith(begins)
    assert "content-security-policy" in answer.headers


def test_figures_in_the_form_that_is_accepted_or_named(service, done):
    figures = service.http.get(done["links"]["report"]).json()["figures"]
    assert {"score", "learning", "differences"} <= {figure["name"] for figure in figures}
    path = f"{done['links']['self']}/figures"
    for name in (figure["name"] for figure in figures):
        vega = service.http.get(f"{path}/{name}")
        assert "$schema" in vega.json(), name
        svg = service.http.get(f"{path}/{name}", headers={"accept": "image/svg+xml"})
        assert svg.content.startswith(b"<svg"), name
        assert service.http.get(f"{path}/{name}.svg").content == svg.content
    png = service.http.get(f"{path}/score", headers={"accept": "image/png"})
    assert png.content.startswith(b"\x89PNG")
    problem(service.http.get(f"{path}/score", headers={"accept": "image/gif"}), 406, "image/svg")
    problem(service.http.get(f"{path}/../../healthz/x"), 404, "")
    problem(service.http.get(f"{path}/unknown"), 404, "score")


def test_one_report_over_two_jobs_and_a_summary_over_different_data(service, done):
    arms = [{"name": "l1", "regularizers": [{"kind": "l1", "lambda": 0.01}]}]
    second = ended(service, post(service, {**QUICK, "compare": arms}))
    answer = service.http.post("/v1/reports", json={"jobs": [done["id"], second["id"]]})

    assert answer.status_code == 200, answer.text
    report = answer.json()
    assert report["jobs"] == [done["id"], second["id"]]
    assert len(report["arms"]) == 3
    compared = {frozenset((pair["a"], pair["b"])) for pair in report["pairs"]}
    assert compared >= {frozenset(("l1", "none")), frozenset(("l2", "none"))}
    other = ended(service, post(service, {**QUICK, "dataset": "wine"}))
    apart = service.http.post("/v1/reports", json={"jobs": [done["id"], other["id"]]})

    assert apart.status_code == 200, apart.text
    summary = apart.json()
    assert [one["jobs"] for one in summary["datasets"]] == [[done["id"]], [other["id"]]]
    assert {arm["name"] for arm in summary["arms"]} == {"none", "l2"}


def test_a_resolved_spec_posted_again_is_the_same_job_and_trains_the_same(service, done):
    again = ended(service, post(service, done["spec"]))

    assert again["spec"] == done["spec"]
    first, second = (
        [r["final"] for r in pages(service.http, job["links"]["runs"])] for job in (done, again)
    )
    assert first == second


def test_a_dry_run_estimates_and_stores_nothing(service):
    before = service.http.get("/v1/jobs", params={"limit": 1}).json()["data"][0]["id"]
    answer = service.http.post("/v1/jobs", params={"dry_run": "true"}, json=QUICK)

    assert answer.status_code == 200
    found = answer.json()
    assert (found["arms"], found["settings"], found["runs"], found["cohorts"]) == (2, 3, 9, 1)
    assert found["parameters"] == 4 * 8 + 8 + 8 * 3 + 3
    assert service.http.get("/v1/jobs", params={"limit": 1}).json()["data"][0]["id"] == before


def test_values_that_are_not_finite_are_null_and_named(service):
    body = {**QUICK, "compare": None, "optimizer": {"kind": "sgd", "lr": 1e30}}
    job = ended(service, post(service, {k: v for k, v in body.items() if v is not None}))

    assert job["status"] == "failed"
    assert job["error"]["code"] == "diverged"
    points = pages(service.http, job["links"]["metrics"], name="train_loss")
    assert {p["kind"] for p in points if p["value"] is None} <= {"nan", "inf", "-inf"}
    assert any(p["value"] is None for p in points)
    assert all("kind" not in p for p in points if p["value"] is not None)
    assert service.http.get(job["links"]["report"]).json()["verdict"]


def test_an_npz_of_images_is_uploaded_and_seen(service):
    images = BytesIO()
    rng = np.random.default_rng(0)
    np.savez(images, x=rng.random((12, 3, 4), np.float32), y=np.arange(12) % 2)
    answer = service.http.post(
        "/v1/datasets", files={"file": ("tiny.npz", images.getvalue())}
    ).json()

    assert answer["image"] == {"height": 3, "width": 4, "channels": 1}
    listed = pages(service.http, "/v1/datasets", limit=1)
    assert answer["id"] in {each["id"] for each in listed}


def test_jobs_are_listed_newest_first_and_by_name_and_status(service, done):
    listed = pages(service.http, "/v1/jobs", limit=3)
    named = pages(service.http, "/v1/jobs", name="quick", status="succeeded")

    stamps = [instant(job["created_at"]) for job in listed]
    assert stamps == sorted(stamps, reverse=True)
    assert len({job["id"] for job in listed}) == len(listed)
    assert done["id"] in {job["id"] for job in named}
    assert {(job["name"], job["status"]) for job in named} == {("quick", "succeeded")}


def test_the_service_says_how_it_is_and_what_it_can(service):
    assert service.http.get("/healthz").json()["status"] == "alive"
    ready = service.http.get("/readyz").json()
    assert ready["checks"]["broker"] == ("off" if service.served else "ok")
    assert "occam_jobs" in service.http.get("/metrics").text
    assert service.http.get("/openapi.json").json()["openapi"].startswith("3.")
    assert "/v1/jobs" in service.http.get("/docs").text
    entry = service.http.get("/v1/catalog/regularizer/l2").json()
    assert "1/2" in entry["formula"]
