"""The command line against the scripted server."""

import io
import json
import sys
from importlib.metadata import version

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


HUBER = {
    "kind": "huber",
    "summary": "Square near zero.",
    "formula": "½e²",
    "works_with": {"task": ["regression"]},
    "parameters": {
        "$defs": {"Values": {}},
        "required": ["units"],
        "properties": {
            "kind": {"const": "huber"},
            "delta": {
                "oneOf": [
                    {"type": "number", "exclusiveMinimum": 0, "maximum": 3e38},
                    {"$ref": "#/$defs/Values"},
                ],
                "default": 1.0,
                "description": "where it turns",
            },
            "weights": {
                "anyOf": [
                    {"const": "balanced"},
                    {
                        "type": "array",
                        "items": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                    },
                    {"type": "null"},
                ],
                "default": None,
            },
            "units": {"type": "integer", "minimum": 1, "maximum": 9},
        },
    },
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
    text = ""
    for epoch, values in ((1, [0.9, 0.8]), (2, [0.7, 0.6])):
        metrics = {"epoch": epoch, "runs": ["run_1", "run_2"], "metrics": {"val_accuracy": values}}
        text += f"id: {epoch}\nevent: metrics\ndata: {json.dumps(metrics)}\n\n"
    text += "event: end\ndata: {}\n\n"
    # the weights that the report scores may be of an epoch between: early stopping restores
    runs = [
        {"id": "run_1", "status": "done", "arm": "l1", "seed": 0, "final": {"val_accuracy": 0.75}},
        {"id": "run_2", "status": "done", "arm": "l1", "seed": 1, "final": {"val_accuracy": 0.65}},
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
    assert lines[2] == "succeeded, 2/2 runs · 4/4 epochs · best val_accuracy: l1 0.7"
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


def test_one_kind_is_shown_with_a_table_of_its_parameters(service, occam):
    service.on("GET /v1/catalog", JSONResponse(CATALOG))
    service.on("GET /v1/catalog/loss/huber", JSONResponse(HUBER))

    code, out, _ = occam("catalog", "losses", "huber")

    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "Square near zero."
    assert "formula ½e²" in lines
    assert "with task regression" in lines
    assert "parameter type default range meaning" in lines
    assert "delta number, tunable 1.0 > 0 where it turns" in lines
    assert 'weights "balanced" or list of numbers or null null (0, 1]' in lines
    assert "units integer required [1, 9]" in lines
    assert "$defs" not in out


def test_one_kind_as_json_is_what_the_service_says(service, occam):
    service.on("GET /v1/catalog", JSONResponse(CATALOG))
    service.on("GET /v1/catalog/loss/huber", JSONResponse(HUBER))

    assert json.loads(occam("catalog", "losses", "huber", "--json")[1]) == HUBER


def test_the_version_is_printed(occam):
    assert occam("--version") == (0, f"occam {version('occam')}\n", "")


@pytest.mark.parametrize(
    ("verb", "status"), [("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled")]
)
def test_a_verb_prints_what_became_of_the_job(service, occam, verb, status):
    service.on(f"POST /v1/jobs/job_1/{verb}", JSONResponse({**JOB, "status": status}))

    assert occam(verb, "job_1")[1] == f"which: {status}, 0/2 runs · 0/4 epochs\n"


def test_delete_says_what_is_gone(service, occam):
    service.on("DELETE /v1/jobs/job_1", Response(status_code=204))

    assert occam("delete", "job_1") == (0, "deleted job_1\n", "")


def test_a_long_or_broken_name_leaves_each_job_its_one_line(service, occam):
    long = {**DONE, "name": "λ\nand " + "x" * 300}
    service.on("GET /v1/jobs", JSONResponse({"data": [long, DONE], "has_more": False}))

    piped = occam("jobs")[1].splitlines()
    assert len(piped) == 3
    assert piped[1].endswith("λ and " + "x" * 300)


def test_runs_show_their_setting_and_scores(service, occam):
    run = {
        "id": "run_1",
        "status": "succeeded",
        "arm": "l1",
        "seed": 3,
        "repeat": 1,
        "fold": 4,
        "inner_fold": None,
        "setting": {"/regularizers/0/lambda": 0.0123456},
        "final": {"val_accuracy": 0.91, "test_accuracy": None},
    }
    service.on("GET /v1/jobs/job_1", JSONResponse(DONE))
    service.on("GET /v1/jobs/job_1/runs", JSONResponse({"data": [run], "has_more": False}))

    lines = [line.split() for line in occam("runs", "job_1")[1].splitlines()]

    assert lines == [
        [
            *("id", "arm", "seed", "repeat", "fold", "inner", "status"),
            *("val_accuracy", "test_accuracy", "setting"),
        ],
        ["run_1", "l1", "3", "1", "4", "–", "succeeded", "0.91", "–", "lambda", "=", "0.01235"],
    ]

    occam("runs", "job_1", "--arm", "l1", "--status", "succeeded", "--seed", "3", "--fold", "4")

    asked = service.seen[-1].query
    asked.pop("limit")
    assert asked == {"arm": "l1", "status": "succeeded", "seed": "3", "fold": "4"}


def test_metrics_are_a_table_or_csv_with_every_digit(service, occam, tmp_path):
    point = {"run": "run_1", "epoch": 1, "name": "val_loss", "value": 0.123456789}
    service.on("GET /v1/jobs/job_1/metrics", JSONResponse({"data": [point], "has_more": False}))
    text = "run,epoch,name,value\nrun_1,1,val_loss,0.123456789\n"

    assert occam("metrics", "job_1")[1].splitlines()[1].split()[-1] == "0.1235"
    assert occam("metrics", "job_1", "--csv", "-", "--arm", "l1")[1] == text
    assert service.seen[-1].query == {"arm": "l1", "limit": "1000"}
    occam("metrics", "job_1", "--csv", str(tmp_path / "m.csv"))
    assert (tmp_path / "m.csv").read_text() == text


def test_weights_are_saved(service, occam, tmp_path):
    service.on("GET /v1/runs/run_1/weights", Response(b"\x00\x01"))
    path = tmp_path / "w.safetensors"

    assert occam("weights", "run_1", "-o", str(path))[:2] == (0, f"{path}: 2 bytes\n")
    assert path.read_bytes() == b"\x00\x01"


def test_an_upload_prints_the_id_alone_and_the_rest_aside(service, occam, tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("a,y\n1,2\n")
    answer = {
        "id": "ds_1",
        "task": "classification",
        "examples": 1,
        "features": 2,
        "classes": ["a", "b"],
        "warnings": ["column a is constant"],
    }
    service.on("POST /v1/datasets", JSONResponse(answer, 201))

    assert occam("upload", str(path), "--target", "y", "--name", "points") == (
        0,
        "ds_1\n",
        "classification: 1 examples of 2 features, 2 classes\nwarning: column a is constant\n",
    )
    assert b'{"name": "points", "target": "y"}' in service.seen[0].body


def test_texts_are_uploaded_by_what_the_spec_says(service, occam, tmp_path):
    path = tmp_path / "reviews.csv"
    path.write_text("review,mood\na fine film,pos\n")
    field = {"name": "text", "kind": "tokens", "shape": [3], "size": 5}
    answer = {"id": "ds_1", "task": "classification", "examples": 12, "inputs": [field]}
    service.on("POST /v1/datasets", JSONResponse({**answer, "classes": ["a", "b"]}, 201))
    spec = '{"kind": "text", "text": "review"}'

    assert occam("upload", str(path), "--target", "mood", "--spec", spec) == (
        0,
        "ds_1\n",
        "classification: 12 examples of text, 2 classes\n",
    )
    told = b'{"name": "reviews.csv", "kind": "text", "text": "review", "target": "mood"}'
    assert told in service.seen[0].body
    for wrong, words in (("{", "--spec is not JSON"), ("[]", "--spec is a JSON object")):
        code, out, err = occam("upload", str(path), "--spec", wrong)
        assert (code, out) == (2, "")
        assert words in err


def test_an_upload_of_no_file_is_one_sentence(occam, tmp_path):
    path = tmp_path / "none.csv"

    assert occam("upload", str(path)) == (
        2,
        "",
        f"error: cannot read {path}: No such file or directory\n",
    )


def test_datasets_are_a_table_and_an_empty_list_says_how_to_fill_it(service, occam):
    image = {"id": "ds_1", "name": "t", "image": {"height": 8, "width": 8, "channels": 1}}
    service.on("GET /v1/datasets", JSONResponse({"data": [image], "has_more": False}))
    assert "8×8×1" in occam("datasets")[1]

    service.on("GET /v1/datasets", JSONResponse({"data": [], "has_more": False}))
    assert occam("datasets")[1] == "no datasets; occam upload FILE adds one\n"


def test_a_port_that_is_taken_is_said_at_once(service, occam):
    port = service.url.rpartition(":")[2]

    code, out, _ = occam("serve", "--port", port)

    assert code == 1
    assert f"cannot listen on 127.0.0.1 port {port}" in out
    assert "--port" in out
