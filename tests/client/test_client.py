import json
import math
import sys

import numpy as np
import pytest
from starlette.responses import JSONResponse, Response

import occam
from tests.client.conftest import problem

JOB = {
    "id": "job_1",
    "object": "job",
    "status": "running",
    "name": "which",
    "progress": {
        "runs_total": 4,
        "runs_done": 1,
        "epochs_total": 40,
        "epochs_done": 10,
        "eta_s": 3.2,
    },
    "a_member_of_the_future": 1,
}
DONE = {**JOB, "status": "succeeded"}


def test_submit_posts_the_spec_as_it_is(service, client):
    service.on("POST /v1/jobs", JSONResponse(JOB, 201))
    spec = {"dataset": "digits", "lambda": {"values": [0.1, 0.2]}}

    job = client.submit(spec)

    assert json.loads(service.seen[0].body) == spec
    assert job.progress.runs_total == 4
    assert not job.finished


def test_a_dry_run_stores_nothing_and_carries_no_key(service, client):
    service.on("POST /v1/jobs", JSONResponse({"spec": {}, "runs": 120, "memory_bytes": 1e6}))

    estimate = client.submit({"dataset": "digits"}, dry_run=True)

    assert estimate.runs == 120
    assert service.seen[0].query == {"dry_run": "true"}
    assert "idempotency-key" not in service.seen[0].headers


def test_jobs_come_from_all_pages_and_only_as_far_as_they_are_read(service, client):
    service.on(
        "GET /v1/jobs",
        JSONResponse({"data": [JOB, JOB], "has_more": True, "next": "c1"}),
        JSONResponse({"data": [DONE], "has_more": False, "next": None}),
    )

    jobs = iter(client.jobs(status="running"))
    next(jobs)
    assert len(service.seen) == 1

    assert [job.status for job in jobs] == ["running", "succeeded"]
    assert service.seen[1].query == {"status": "running", "limit": "1000", "after": "c1"}


def test_wait_polls_long_and_returns_the_final_job(service, client):
    service.on(
        "GET /v1/jobs/job_1",
        JSONResponse(JOB, headers={"ETag": 'W/"1"'}),
        Response(status_code=304),
        JSONResponse(DONE, headers={"ETag": 'W/"2"'}),
    )
    lines = []

    job = client.wait("job_1", each=lambda job: lines.append(job.status))

    assert job.status == "succeeded"
    assert lines == ["running", "succeeded"]
    assert service.seen[1].headers["if-none-match"] == 'W/"1"'
    assert service.seen[1].query == {"wait": "30"}


def test_waiting_with_progress_prints_a_line_for_each_status_where_nothing_can_be_redrawn(
    service, client, capsys
):
    further = {**JOB, "progress": {**JOB["progress"], "epochs_done": 20}}
    service.on("GET /v1/jobs/job_1", *map(JSONResponse, (JOB, further, DONE)))

    client.wait("job_1", progress=True)

    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == ["which: running", "which: succeeded"]


def test_wait_gives_up_in_time_and_says_how_far_it_was(service, client):
    service.on("GET /v1/jobs/job_1", JSONResponse(JOB))

    with pytest.raises(TimeoutError, match="1/4 runs"):
        client.wait("job_1", timeout_s=0.3)


def test_wait_sits_out_a_restart(service, client):
    away = problem(503, "restarting", {"Retry-After": "0"})
    service.on("GET /v1/jobs/job_1", JSONResponse(JOB), *[away] * 8, JSONResponse(DONE))

    assert client.wait("job_1").status == "succeeded"


def test_wait_with_check_raises_when_the_job_failed(service, client):
    failed = {**JOB, "status": "failed", "error": {"detail": "the device ran out of memory"}}
    service.on("GET /v1/jobs/job_1", JSONResponse(failed))

    with pytest.raises(occam.JobFailed, match="ran out of memory"):
        client.wait("job_1", check=True)


def test_metrics_give_back_nan_and_infinities(service, client):
    points = [
        {"run": "run_1", "epoch": 1, "name": "val_loss", "value": 0.5},
        {"run": "run_1", "epoch": 2, "name": "val_loss", "value": None, "kind": "nan"},
        {"run": "run_1", "epoch": 3, "name": "val_loss", "value": None, "kind": "-inf"},
    ]
    service.on("GET /v1/jobs/job_1/metrics", JSONResponse({"data": points, "has_more": False}))

    values = [point.value for point in client.metrics("job_1", run="run_1", name="val_loss")]

    assert values[0] == 0.5
    assert math.isnan(values[1])
    assert values[2] == -math.inf
    assert service.seen[0].query == {"run": "run_1", "name": "val_loss", "limit": "1000"}


@pytest.mark.parametrize(
    ("verb", "status"), [("cancel", "cancelled"), ("pause", "paused"), ("resume", "queued")]
)
def test_the_verbs_post_and_answer_with_the_job(service, client, verb, status):
    service.on(f"POST /v1/jobs/job_1/{verb}", JSONResponse({**JOB, "status": status}))

    assert getattr(client, verb)("job_1").status == status


def test_a_verb_that_the_state_forbids_is_a_conflict(service, client):
    service.on("POST /v1/jobs/job_1/cancel", problem(409, "the job has succeeded"))

    with pytest.raises(occam.Conflict, match="succeeded"):
        client.cancel(occam.Job.model_validate(JOB))


@pytest.mark.parametrize(
    ("format", "media_type"),
    [("html", "text/html"), ("md", "text/markdown"), ("csv", "text/csv")],
)
def test_the_report_as_text(service, client, format, media_type):
    service.on("GET /v1/jobs/job_1/report", Response("λ wins", media_type=media_type))

    assert client.report("job_1", format) == "λ wins"
    assert service.seen[0].headers["accept"] == media_type


@pytest.mark.parametrize("format", ["table", "HTML", "pdf"])
def test_an_unknown_form_of_the_report_is_refused_with_those_there_are(service, client, format):
    with pytest.raises(ValueError, match=f"'{format}'; there is object, html, md, csv, json"):
        client.report("job_1", format)
    assert service.seen == []


def test_figures_are_bytes_of_the_format_asked_for(service, client):
    service.on("GET /v1/jobs/job_1/figures/score.svg", Response("<svg/>"))
    service.on("GET /v1/jobs/job_1/figures/score.json", Response("{}"))

    assert client.figure("job_1", "score", "svg") == b"<svg/>"
    assert client.figure("job_1", "score", "json") == b"{}"
    with pytest.raises(ValueError, match="'pdf'; there is svg, png, json"):
        client.figure("job_1", "score", "pdf")


def test_a_figure_shows_itself_and_is_saved_as_its_name_ends(service, client, tmp_path):
    service.on("GET /v1/jobs/job_1/figures/score.svg", Response("<svg>λ</svg>"))
    service.on("GET /v1/jobs/job_1/figures/score.png", Response(b"\x89PNG"))
    service.on("GET /v1/jobs/job_1/figures/score.json", Response('{"mark": "line"}'))

    figure = client.figure("job_1", "score")

    assert figure._repr_svg_() == "<svg>λ</svg>"
    assert figure.vega_lite() == {"mark": "line"}
    assert figure.save(tmp_path / "a.svg").read_text(encoding="utf-8") == "<svg>λ</svg>"
    assert figure.save(tmp_path / "a.png").read_bytes() == figure.png() == b"\x89PNG"
    assert figure.save(str(tmp_path / "a.json")).read_text() == '{"mark": "line"}'
    with pytest.raises(ValueError, match=r"'\.pdf'.*\.svg, \.png or \.json"):
        figure.save(tmp_path / "a.pdf")


def test_weights_are_asked_for_by_which(service, client):
    service.on("GET /v1/runs/run_1/weights", Response(b"\x00\x01"))

    assert client.weights("run_1", which="last") == b"\x00\x01"
    assert service.seen[0].query == {"which": "last"}


def test_predict_takes_arrays(service, client):
    answer = {"outputs": [[0.1, 0.9]], "probabilities": [[0.3, 0.7]]}
    service.on("POST /v1/runs/run_1/predict", JSONResponse(answer))

    prediction = client.predict("run_1", np.array([[1.0, 2.0]]))

    assert prediction.probabilities == [[0.3, 0.7]]
    assert json.loads(service.seen[0].body) == {"inputs": [[1.0, 2.0]], "which": "reported"}


def test_several_jobs_make_one_report(service, client):
    service.on("POST /v1/reports", JSONResponse({"verdict": "l2", "metric": "val_accuracy"}))

    assert client.compare(["job_1", "job_2"]).verdict == "l2"
    assert json.loads(service.seen[0].body) == {"jobs": ["job_1", "job_2"]}


def test_jobs_on_several_datasets_make_a_summary(service, client):
    arms = [{"name": "l2", "average_rank": 1.0, "best_on": 2}, {"name": "none", "average_rank": 2}]
    answer = {"object": "summary", "verdict": "l2 ranks best.", "metric": "val_accuracy"}
    service.on("POST /v1/reports", JSONResponse({**answer, "arms": arms, "notes": ["Two."]}))

    summary = client.compare(["job_1", "job_2"])

    assert summary.arms[0].name == "l2"
    assert str(summary).splitlines() == [
        "l2 ranks best.", "", "arm   average rank  best on", "l2    1             2",
        "none  2             0", "note: Two.",
    ]  # fmt: skip


def test_the_rows_behind_a_report_come_by_column(service, client):
    columns = {"row": [3, 4], "accuracy": [1.0, 0.0]}
    service.on("GET /v1/jobs/job_1/report/rows", JSONResponse({"columns": columns}))

    assert client.report_rows("job_1") == columns


def test_the_catalog_whole_and_one_kind(service, client):
    service.on("GET /v1/catalog", JSONResponse({"losses": []}))
    service.on("GET /v1/catalog/losses/huber", JSONResponse({"kind": "huber"}))

    assert client.catalog() == {"losses": []}
    assert client.catalog("losses", "huber") == {"kind": "huber"}


def test_an_upload_sends_the_file_again_from_its_beginning(service, client, tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("a,b\n1,2\n")
    answer = {"id": "ds_1", "name": "table.csv", "examples": 1, "warnings": []}
    away = problem(503, "away", {"Retry-After": "0"})
    service.on("POST /v1/datasets", away, JSONResponse(answer, 201))

    dataset = client.datasets.upload(path, {"target": "b"})

    assert dataset.id == "ds_1"
    assert all(b"a,b\n1,2\n" in seen.body for seen in service.seen)
    assert b'{"name": "table.csv", "target": "b"}' in service.seen[1].body


def test_datasets_are_listed_read_previewed_and_deleted(service, client):
    one = {"id": "ds_1", "name": "t", "features": 3, "classes": ["a", "b"]}
    service.on("GET /v1/datasets", JSONResponse({"data": [one], "has_more": False}))
    service.on("GET /v1/datasets/ds_1", JSONResponse(one))
    service.on("GET /v1/datasets/ds_1/preview", JSONResponse({"rows": [[1, 2, "a"]]}))
    service.on("DELETE /v1/datasets/ds_1", Response(status_code=204))

    assert [dataset.id for dataset in client.datasets.list()] == ["ds_1"]
    assert client.datasets.get("ds_1").classes == ["a", "b"]
    assert client.datasets.preview("ds_1") == {"rows": [[1, 2, "a"]]}
    client.datasets.delete("ds_1")
    assert service.seen[-1].method == "DELETE"


def test_runs_and_events_are_typed(service, client):
    run = {"id": "run_1", "status": "succeeded", "arm": "l1", "setting": {"/x": 0.1}, "seed": 3}
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": [run], "has_more": False}))
    event = {"seq": 4, "type": "event", "run": None, "data": {"what": "started"}}
    service.on("GET /v1/jobs/job_1/events", JSONResponse({"data": [event], "has_more": False}))

    assert client.runs("job_1").to_list()[0].setting == {"/x": 0.1}
    assert client.events("job_1").to_list()[0].data == {"what": "started"}


def test_runs_are_asked_for_by_what_they_are_narrowed_to(service, client):
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": [], "has_more": False}))

    client.runs("job_1", arm="l1", status="failed", seed=3, repeat=0, fold=2).to_list()

    asked = service.seen[-1].query
    asked.pop("limit")
    assert asked == {"arm": "l1", "status": "failed", "seed": "3", "repeat": "0", "fold": "2"}


def test_a_list_says_what_it_is_without_asking_and_can_be_read_twice(service, client):
    run = {"id": "run_1", "status": "succeeded", "arm": "l1"}
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": [run], "has_more": False}))
    runs = client.runs("job_1")

    assert repr(runs).startswith("<runs of job_1")
    assert service.seen == []
    assert [r.id for r in runs] == [r.id for r in runs] == ["run_1"]


def test_a_list_without_pandas_says_what_to_do(client, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(ImportError, match="pip install pandas"):
        client.metrics("job_1").to_pandas()


def test_a_list_becomes_a_data_frame(service, client):
    point = {"run": "run_1", "epoch": 1, "name": "val_loss", "value": 0.5}
    run = {"id": "run_1", "status": "succeeded", "setting": {"/x": 0.1}, "final": {"val_loss": 0.5}}
    service.on("GET /v1/jobs/job_1/metrics", JSONResponse({"data": [point], "has_more": False}))
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": [run], "has_more": False}))

    assert client.metrics("job_1").to_pandas().to_dict("records") == [point]
    assert client.runs("job_1").to_pandas().loc[0, ["/x", "val_loss"]].tolist() == [0.1, 0.5]
