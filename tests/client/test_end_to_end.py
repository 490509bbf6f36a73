"""The client and the command against the real service: one `occam serve` for the whole file."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from safetensors.numpy import load

import occam
from occam import Client
from occam.lifeline import die_with_parent
from tests.client.served import LONG, QUICK, serving
from tests.waiting import PATIENCE_S

NOTEBOOK = Path(__file__).parents[2] / "examples" / "compare.ipynb"


@pytest.fixture(scope="module")
def url(tmp_path_factory) -> Iterator[str]:
    with serving(tmp_path_factory.mktemp("data")) as served:
        yield served.url()


@pytest.fixture
def client(url) -> Iterator[Client]:
    with Client(url) as opened:
        yield opened


@pytest.fixture(scope="module")
def done(url) -> occam.Job:
    """A comparison that has been trained to its end."""
    with Client(url) as opened:
        return opened.wait(opened.submit(QUICK), check=True, timeout_s=PATIENCE_S)


def test_a_finished_job_counts_all_its_runs(done):
    assert done.status == "succeeded"
    assert (done.progress.runs_done, done.progress.runs_total) == (9, 9)
    assert done.progress.epochs_done == done.progress.epochs_total == 36
    assert "9/9 runs" in done.line()


def test_the_resolved_spec_can_be_posted_again_and_is_the_same(client, done):
    again = client.submit(done.spec, dry_run=True)

    assert again.spec == done.spec
    assert again.runs == 9


def test_runs_have_scores_and_settings(client, done):
    runs = list(client.runs(done))

    assert len(runs) == 9
    assert {run.arm for run in runs} == {"none", "l2"}
    assert all(0 <= run.final["test_accuracy"] <= 1 for run in runs)
    assert client.run(runs[0]).id == runs[0].id


def test_metrics_of_one_run_and_name(client, done):
    run = client.runs(done).to_list()[0]

    points = list(client.metrics(done, run=run, name="val_accuracy"))

    assert [point.epoch for point in points] == [1, 2, 3, 4]
    assert {point.run for point in points} == {run.id}


def test_the_stream_tells_the_same_values_as_the_pages(client, done):
    streamed = [
        (run, event.data["epoch"], value)
        for event in client.stream(done)
        if event.type == "metrics"
        for run, value in zip(event.data["runs"], event.data["metrics"]["val_loss"], strict=True)
    ]
    paged = [(p.run, p.epoch, p.value) for p in client.metrics(done, name="val_loss")]

    assert sorted(streamed) == sorted(paged)
    assert len(paged) == 36


def test_a_stream_resumed_anywhere_gives_the_rest(client, done):
    every = [event.id for event in client.stream(done)]

    assert [event.id for event in client.stream(done, after=every[2])] == every[3:]


def test_events_tell_the_jobs_story(client, done):
    assert [event.seq for event in client.events(done)]


def test_the_report_in_every_form(client, done):
    report = client.report(done)

    assert {arm.name for arm in report.arms} == {"none", "l2"}
    assert report.metric == "val_accuracy"
    assert report.verdict.rstrip().endswith(".")
    assert not report.partial
    assert report.headline in client.report(done, "md")
    assert "<svg" in client.report(done, "html")
    assert client.report(done, "csv").count("\n") > 1
    assert json.loads(client.report(done, "json"))["object"] == "report"
    assert "<table>" in report._repr_html_()


def test_figures_are_drawn(client, done):
    name = client.report(done).figures[0]["name"]

    assert client.figure(done, name).svg.startswith("<svg")
    assert client.report(done)._repr_html_().count("<img") == len(client.report(done).figures)
    assert client.figure(done, name, "png").startswith(b"\x89PNG")
    assert "$schema" in json.loads(client.figure(done, name, "json"))


def test_weights_and_predictions_belong_together(client, done):
    run = client.runs(done).to_list()[0]

    weights = load(client.weights(run))
    prediction = client.predict(run, np.zeros((2, 4)))

    assert weights
    assert prediction.probabilities is not None
    assert [sum(row) for row in prediction.probabilities] == pytest.approx([1, 1], abs=1e-5)
    assert len(prediction.outputs[0]) == 3


def test_the_same_key_gives_the_same_job(client):
    first = client.submit(QUICK, idempotency_key="one-key")

    assert client.submit(QUICK, idempotency_key="one-key").id == first.id
    with pytest.raises(occam.InvalidSpec, match="Idempotency-Key"):
        client.submit({**QUICK, "epochs": 5}, idempotency_key="one-key")


def test_a_bad_spec_points_at_every_mistake(client):
    bad = {**QUICK, "epochs": 0, "compare": [{"name": "l1", "regularizers": [{"kind": "l7"}]}]}

    with pytest.raises(occam.InvalidSpec) as caught:
        client.submit(bad)

    pointers = {fault.pointer for fault in caught.value.errors}
    assert "/epochs" in pointers
    assert any(pointer.startswith("/compare/0/regularizers/0") for pointer in pointers)


def test_a_running_job_can_be_paused_resumed_and_cancelled(client):
    job = client.submit(LONG)
    next(event for event in client.stream(job) if event.type == "metrics")

    client.pause(job)
    client.resume(job)
    with pytest.raises(occam.Conflict):
        client.delete(job)
    client.cancel(job)

    ended = client.wait(job, timeout_s=PATIENCE_S)
    assert ended.status == "cancelled"
    with pytest.raises(occam.Conflict):
        client.resume(job)
    client.delete(job)
    with pytest.raises(occam.NotFound):
        client.job(job)


def test_a_dataset_of_ones_own(client, tmp_path):
    path = tmp_path / "points.csv"
    rows = [f"{i % 7},{i % 5},{'even' if i % 2 == 0 else 'odd'}" for i in range(60)]
    path.write_text("\n".join(["a,b,parity", *rows]) + "\n")

    dataset = client.datasets.upload(path, {"target": "parity"})
    again = client.datasets.upload(path, {"target": "parity"})
    job = client.submit({**QUICK, "dataset": dataset.id, "compare": [{"name": "only"}]})

    assert again.id == dataset.id
    assert dataset.classes == ["even", "odd"]
    assert dataset.id in {each.id for each in client.datasets.list()}
    assert client.datasets.get(dataset.id).examples == 60
    assert client.datasets.preview(dataset.id)["columns"] == ["a", "b"]
    assert client.wait(job, timeout_s=PATIENCE_S, check=True).status == "succeeded"


def test_a_broken_upload_names_the_row(client, tmp_path):
    path = tmp_path / "broken.csv"
    path.write_text("a,b,y\n1,2,x\n1,oops,z\n")

    with pytest.raises(occam.OccamError, match="oops"):
        client.datasets.upload(path)


def test_several_jobs_make_one_report(client, done):
    second = {
        **QUICK,
        "compare": [{"name": "l1", "regularizers": [{"kind": "l1", "lambda": 0.01}]}],
    }
    other = client.wait(client.submit(second), timeout_s=PATIENCE_S, check=True)

    report = client.compare([done, other])

    assert len(report.arms) == 3


def test_the_command_follows_a_job_to_its_verdict(url, tmp_path):
    path = tmp_path / "job.json"
    path.write_text(json.dumps(QUICK))

    ended = subprocess.run(
        [sys.executable, "-m", "occam", "submit", str(path), "--follow"],
        env={**os.environ, "OCCAM_URL": url, "COLUMNS": "140"},
        preexec_fn=die_with_parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert ended.returncode == 0, ended.stderr
    assert "succeeded, 9/9 runs" in ended.stdout
    assert re.search(r"^l2 +\S", ended.stdout, re.MULTILINE)


def test_the_curl_script_runs_as_it_stands(url, tmp_path):
    script = Path(__file__).parents[2] / "examples" / "curl.sh"

    ended = subprocess.run(
        ["sh", str(script)],
        env={**os.environ, "OCCAM_URL": url, "TMPDIR": str(tmp_path)},
        preexec_fn=die_with_parent,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "status: succeeded" in ended.stdout
    assert '"pointer":"/loss"' in ended.stdout
    assert len(list(tmp_path.glob("run_*.safetensors"))) == 1


def test_the_notebook_runs_as_it_stands(url, tmp_path, monkeypatch):
    monkeypatch.setenv("OCCAM_URL", url)
    for folder in ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR"):
        monkeypatch.setenv(folder, str(tmp_path / folder))
    notebook = nbformat.read(NOTEBOOK, as_version=4)

    NotebookClient(notebook, timeout=PATIENCE_S, kernel_name="python3").execute()

    shown = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    drawn = [output["data"] for output in shown if "data" in output]
    assert sum("image/svg+xml" in data for data in drawn) == 1
    assert sum("<img" in data.get("text/html", "") for data in drawn) == 2
    assert sum("<progress" in data.get("text/html", "") for data in drawn) == 2
    assert "'x0': 0." in drawn[-1]["text/plain"]


def test_the_notebook_is_kept_without_outputs():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells

    assert all(not cell.outputs for cell in cells if cell.cell_type == "code")
    assert all(cell.execution_count is None for cell in cells if cell.cell_type == "code")


def test_the_catalog_knows_what_was_used(client):
    assert client.catalog("regularizer", "l2")["kind"] == "l2"
    assert "loss" in client.catalog()["families"]
