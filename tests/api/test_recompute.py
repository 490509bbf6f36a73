"""Reports of jobs whose scores by row were over the budget, computed from their weights."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from core.datasets import load_source, source_of
from core.settings import Settings
from core.store import checkpoints, jobs, runs
from core.store.artifacts import Artifacts
from core.train import Cohort, Finished, train
from tests.api.conftest import Service, Trained, finish, serving, take

ARMS = [{"name": "none", "regularizers": []}, {"name": "l2"}]


@dataclass(frozen=True)
class Ended:
    """A job that ended, and where its weights lie."""

    links: dict[str, str]
    weights: Path


@pytest.fixture
def small(data_dir: Path, sqlite_template: Path) -> Iterator[Service]:
    """A service that recomputes next to nothing."""
    shutil.copy(sqlite_template, data_dir / "occam.db")
    settings = Settings(data_dir=data_dir, draw_ahead=False, recompute_s_max=1e-9)
    with serving(settings) as found:
        yield found


def trained(service: Service, folder: Path, *, kept: bool, **changes: Any) -> Ended:
    """Trained by the real engine, with its scores by row stored, or over the budget."""
    body = {"compare": ARMS, "folds": 3, "epochs": 2, "seeds": 1, "architecture": "linear"}
    posted = service.post(**body | changes)
    held = take(service.database, posted["id"])
    with service.database.read() as session:
        document = jobs.get_job(session, held.job_id).document
        members = [
            (run.arm, run.setting, run.seed, run.repeat, run.fold, run.inner_fold)
            for run in runs.of_cohort(session, held.cohort_id)
        ]
    data = load_source(source_of(document), lambda _: pytest.fail("no upload"))
    budget = 1e12 if kept else 1000
    *_, end = train(Cohort.of(document, members), data, rows_bytes_max=budget)
    assert isinstance(end, Finished)
    weights = store(service, held, "weights", end.write_weights, folder)
    if end.write_rows is not None:
        store(service, held, "rows", end.write_rows, folder)
    finish(service.database, held, **end.final)
    return Ended(posted["links"], weights)


def store(service: Service, held: Trained, kind: Any, write: Any, folder: Path) -> Path:
    """An artifact and its row, as a worker stores them; returns where it lies."""
    write(folder / kind)
    key = f"jobs/{held.job_id}/{held.cohort_id}/{kind}.safetensors"
    stored = Artifacts(service.settings.artifacts_url).put(key, folder / kind)
    with service.database.write() as session:
        checkpoints.insert_checkpoint(
            session, held.cohort_id, held.fence, epoch=2, kind=kind, key=stored.key,
            sha256=stored.sha256, size_bytes=stored.bytes,
        )  # fmt: skip
    return service.settings.data_dir / "artifacts" / key


def test_a_report_beyond_the_budget_is_the_one_within_it(service: Service, tmp_path: Path) -> None:
    within, beyond = (trained(service, tmp_path, kept=kept) for kept in (True, False))

    expected, found = (service.client.get(job.links["report"]).json() for job in (within, beyond))

    assert found["method"]["source"] == "rows"
    assert found["rows"] == expected["rows"]
    assert [pair["verdict"] for pair in found["pairs"]] == [
        pair["verdict"] for pair in expected["pairs"]
    ]
    for here, there in zip(found["pairs"], expected["pairs"], strict=True):
        assert here["difference"] == pytest.approx(there["difference"], abs=1e-6)
        assert here["ci95"] == pytest.approx(there["ci95"], abs=1e-6)
    for here, there in zip(found["arms"], expected["arms"], strict=True):
        for name, score in there["scores"].items():
            assert here["scores"][name]["mean"] == pytest.approx(score["mean"], abs=1e-6), name
    drawn = [figure["name"] for figure in expected["figures"]]
    assert [figure["name"] for figure in found["figures"]] == drawn
    assert "confusion" in drawn


def test_rows_are_recomputed_once(service: Service, tmp_path: Path) -> None:
    job = trained(service, tmp_path, kept=False)
    first = service.client.get(f"{job.links['report']}/rows")
    assert first.status_code == 200, first.text
    assert len(first.text.splitlines()) == 1 + 2 * 1797

    job.weights.unlink()  # who wanted to read them again would have none

    second = service.client.get(f"{job.links['report']}/rows")
    report = service.client.get(job.links["report"]).json()
    assert second.text == first.text
    assert report["method"]["source"] == "rows"


def test_weights_that_are_gone_leave_the_means_of_folds(service: Service, tmp_path: Path) -> None:
    job = trained(service, tmp_path, kept=False)
    job.weights.unlink()
    report = service.client.get(job.links["report"]).json()
    assert report["method"]["source"] == "folds"
    assert service.client.get(f"{job.links['report']}/rows").status_code == 404


def test_what_would_take_too_long_is_not_recomputed_and_told(
    small: Service, tmp_path: Path
) -> None:
    job = trained(small, tmp_path, kept=False)
    report = small.client.get(job.links["report"]).json()
    (note,) = [note for note in report["notes"] if "No scores by row" in note]
    assert "more than the 1e-09 s of OCCAM_RECOMPUTE_S_MAX, so intervals" in note
    assert report["method"]["source"] == "folds"
    rows = small.client.get(f"{job.links['report']}/rows")
    assert rows.status_code == 404
    assert "OCCAM_RECOMPUTE_S_MAX" in rows.json()["detail"]


def test_stored_rows_are_taken_as_they_are(small: Service, tmp_path: Path) -> None:
    job = trained(small, tmp_path, kept=True)
    assert small.client.get(job.links["report"]).json()["method"]["source"] == "rows"
