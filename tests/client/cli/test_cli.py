"""The command line against the scripted server."""

import io
import json
import sys

import pytest
from starlette.responses import JSONResponse, Response, StreamingResponse

from occam.cli import main
from tests.client.conftest import problem

JOB = {
    "id": "job_1",
    "status": "queued",
    "name": "which",
    "spec": {"select": {"metric": "val_accuracy", "rule": "min"}},
    "progress": {"runs_total": 2, "runs_done": 0, "epochs_total": 4, "epochs_done": 0},
}
DONE = {
    **JOB,
    "status": "succeeded",
    "progress": {"runs_total": 2, "runs_done": 2, "epochs_total": 4, "epochs_done": 4},
}
SCORE = {"mean": 0.95, "sd": 0.01, "ci95": [0.94, 0.96], "n": 5}
REPORT = {
    "verdict": "Use l1.",
    "metric": "val_accuracy",
    "arms": [
        {"name": "l1", "chosen": {"min": {"label": "λ = 0.1", "scores": {"val_accuracy": SCORE}}}}
    ],
}
CATALOG = {
    "families": {
        "loss": [{"kind": "huber", "summary": "Square near zero."}],
        "regularizer": [{"kind": "l1", "summary": "Exact zeros."}],
    }
}


@pytest.fixture
def occam(service, monkeypatch, capsys):
    """Run one command; returns (exit code, stdout, stderr)."""
    monkeypatch.setenv("OCCAM_URL", service.url)
    monkeypatch.setenv("COLUMNS", "120")

    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", ["occam", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = capsys.readouterr()
        return ended.value.code or 0, out, err

    return run


def test_submit_prints_the_id_alone_so_that_scripts_can_use_it(service, occam, tmp_path):
    service.on("POST /v1/jobs", JSONResponse(JOB, 201))
    path = tmp_path / "job.json"
    path.write_text('{"dataset": "digits"}')

    assert occam("submit", str(path)) == (0, "job_1\n", "")
    assert json.loads(service.seen[0].body) == {"dataset": "digits"}


def test_a_dash_reads_stdin(service, occam):
    service.on("POST /v1/jobs", JSONResponse(JOB, 201))

    assert occam("submit", "-", stdin='{"dataset": "iris"}')[0] == 0
    assert json.loads(service.seen[0].body) == {"dataset": "iris"}


def test_a_bad_spec_is_one_block_with_pointers_and_exit_2(service, occam):
    faults = [
        {"pointer": "/epochs", "detail": "0 should be at least 1"},
        {"pointer": "/loss", "detail": "there is no loss “mze”"},
    ]
    service.on("POST /v1/jobs", problem(422, "2 mistakes", errors=faults))

    code, out, err = occam("submit", "-", stdin="{}")

    assert (code, out) == (2, "")
    assert err == (
        "error: 2 mistakes\n  /epochs: 0 should be at least 1\n  /loss: there is no loss “mze”\n"
    )


@pytest.mark.parametrize("text", ["{", "", "{'a': 1}"])
def test_what_is_no_json_is_refused_before_it_is_sent(service, occam, text):
    code, _, err = occam("submit", "-", stdin=text)

    assert code == 2
    assert "is not JSON" in err
    assert service.seen == []


def test_a_file_that_is_not_there_is_named(occam):
    code, _, err = occam("submit", "nowhere.json")

    assert code == 2
    assert err == "error: cannot read nowhere.json: No such file or directory\n"


def test_what_is_wrong_in_the_json_of_standard_input_is_said_by_line_and_column(occam):
    code, _, err = occam("submit", "-", stdin='{"a": 1,\n "b" 2}')

    assert code == 2
    assert err == ("error: standard input is not JSON: line 2, column 6: expecting ':' delimiter\n")


def test_a_file_that_is_no_text_is_no_json(occam, tmp_path):
    path = tmp_path / "job.json"
    path.write_bytes(b"{\xff}")

    assert occam("submit", str(path)) == (
        2,
        "",
        f"error: {path} is not JSON: byte 1 is not UTF-8\n",
    )


@pytest.mark.parametrize("how", [["-o"], ["--open", "-o"]])
def test_a_report_that_cannot_be_written_is_one_sentence(service, occam, tmp_path, how):
    service.on("GET /v1/jobs/job_1/report", Response("<html>", media_type="text/html"))
    path = tmp_path / "nowhere" / "r.html"

    assert occam("report", "job_1", *how, str(path)) == (
        2,
        "",
        f"error: cannot write {path}: No such file or directory\n",
    )


@pytest.mark.parametrize("url", ["foo", "localhost:8000", "ftp://x", "http://", "http://x:port"])
def test_an_address_that_is_no_url_is_said_with_the_way_out(occam, monkeypatch, url):
    monkeypatch.setenv("OCCAM_URL", url)

    code, _, err = occam("jobs")

    assert code == 1
    assert err.startswith(f"error: {url!r} is no URL of a service")
    assert "occam serve" in err


def test_a_dry_run_says_what_it_would_cost(service, occam):
    answer = {"settings": 20, "runs": 100, "cohorts": 1, "memory_bytes": 2.5e7, "time_s": 3.2}
    service.on("POST /v1/jobs", JSONResponse(answer))

    code, out, _ = occam("submit", "-", "--dry-run", stdin="{}")

    assert code == 0
    assert out == "valid: 20 settings, 100 runs, 1 cohorts, 25 MB, about 3 s\n"


def test_following_prints_plain_lines_then_the_table_and_the_verdict(service, occam):
    metrics = {"epoch": 1, "runs": ["run_1", "run_2"], "metrics": {"val_accuracy": [0.9, 0.8]}}
    text = f"id: 1\nevent: metrics\ndata: {json.dumps(metrics)}\n\nevent: end\ndata: {{}}\n\n"
    runs = [
        {"id": "run_1", "status": "queued", "arm": "l1", "seed": 0},
        {"id": "run_2", "status": "queued", "arm": "l1", "seed": 1},
    ]
    service.on("POST /v1/jobs", JSONResponse(JOB, 201))
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": runs, "has_more": False}))
    service.on("GET /v1/catalog/metric/accuracy", JSONResponse({"traits": {"direction": "max"}}))
    service.on(
        "GET /v1/jobs/job_1/stream",
        lambda _: StreamingResponse(iter([text]), media_type="text/event-stream"),
    )
    service.on("GET /v1/jobs/job_1", JSONResponse(DONE))
    service.on("GET /v1/jobs/job_1/report", JSONResponse(REPORT))

    code, out, _ = occam("submit", "-", "--follow", stdin="{}")

    assert code == 0
    lines = out.splitlines()
    assert lines[0].startswith("job_1 submitted to http://127.0.0.1:")
    assert lines[1] == "queued, 0/2 runs · 0/4 epochs"
    assert lines[2] == "succeeded, 2/2 runs · 4/4 epochs · best val_accuracy: l1 0.85"
    assert "l1   λ = 0.1  0.95 ± 0.01" in out
    assert lines[-1] == "Use l1."


def test_following_a_job_that_fails_says_why_and_exits_1(service, occam):
    failed = {**JOB, "status": "failed", "error": {"detail": "the worker was lost three times"}}
    service.on("GET /v1/jobs/job_1", JSONResponse(failed))
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": [], "has_more": False}))
    service.on("GET /v1/catalog/metric/accuracy", JSONResponse({"traits": {}}))
    service.on(
        "GET /v1/jobs/job_1/stream",
        Response("event: end\ndata: {}\n\n", media_type="text/event-stream"),
    )

    code, _, err = occam("follow", "job_1")

    assert code == 1
    assert "lost three times" in err


def test_jobs_are_a_table_and_an_empty_list_says_so(service, occam):
    service.on("GET /v1/jobs", JSONResponse({"data": [DONE], "has_more": False}))
    code, out, _ = occam("jobs", "--status", "succeeded")
    assert code == 0
    assert out.splitlines()[1].split() == (
        ["job_1", "succeeded", "2/2", "runs", "·", "4/4", "epochs", "which"]
    )

    service.on("GET /v1/jobs", JSONResponse({"data": [], "has_more": False}))
    assert occam("jobs")[1] == "no jobs\n"


def test_cancel_prints_what_became_of_the_job(service, occam):
    service.on("POST /v1/jobs/job_1/cancel", JSONResponse({**JOB, "status": "cancelled"}))

    assert occam("cancel", "job_1")[1] == "which: cancelled, 0/2 runs · 0/4 epochs\n"


def test_a_report_is_written_in_the_format_of_the_files_name(service, occam, tmp_path):
    service.on("GET /v1/jobs/job_1/report", Response("<html>", media_type="text/html"))

    assert occam("report", "job_1", "-o", str(tmp_path / "r.html"))[0] == 0

    assert (tmp_path / "r.html").read_text() == "<html>"
    assert service.seen[0].headers["accept"] == "text/html"


def test_a_report_is_printed_in_the_format_asked_for(service, occam):
    service.on("GET /v1/jobs/job_1/report", Response("# md", media_type="text/markdown"))

    assert occam("report", "job_1", "--format", "md") == (0, "# md\n", "")


def test_a_missing_job_exits_1(service, occam):
    service.on("GET /v1/jobs/job_9/report", problem(404, "there is no job job_9"))

    assert occam("report", "job_9") == (1, "", "error: there is no job job_9\n")


def test_the_catalog_by_family_singular_or_plural(service, occam):
    service.on("GET /v1/catalog", JSONResponse(CATALOG))

    assert "  huber   Square near zero." in occam("catalog")[1]
    assert "huber" not in occam("catalog", "regularizers")[1]
    assert "Exact zeros." in occam("catalog", "regularizer")[1]


def test_an_unknown_family_lists_those_that_exist(service, occam):
    service.on("GET /v1/catalog", JSONResponse(CATALOG))

    code, _, err = occam("catalog", "penalties")

    assert code == 2
    assert "there is loss, regularizer" in err


def test_one_kind_is_shown_in_full(service, occam):
    service.on("GET /v1/catalog", JSONResponse(CATALOG))
    service.on("GET /v1/catalog/loss/huber", JSONResponse({"kind": "huber", "formula": "½e²"}))

    assert json.loads(occam("catalog", "losses", "huber")[1]) == {"kind": "huber", "formula": "½e²"}


def test_a_port_that_is_taken_is_said_at_once(service, occam):
    port = service.url.rpartition(":")[2]

    code, out, _ = occam("serve", "--port", port)

    assert code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in out
    assert "--port" in out
