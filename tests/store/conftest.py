"""A job as the store sees it: a document, facts and some runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.orm import Session

from core.store import cohorts, jobs, runs
from core.store.models import Job
from core.store.session import Database

FACTS = {"task": "classification", "examples": 100, "shape": [4], "classes": ["a", "b"]}
Insert = Callable[..., Job]


@pytest.fixture
def insert(database: Database) -> Insert:
    """Insert a job of `n` runs; with `cut`, plan it into cohorts of that many runs."""

    def insert(n: int = 4, cut: int | None = None, **document: Any) -> Job:
        with database.write() as session:
            job = jobs.insert_job(session, document, new_runs(n), facts=FACTS)
        if cut is not None:
            with database.write() as session:
                plan(session, job.id, cut)
        return job

    return insert


def new_runs(n: int) -> list[jobs.NewRun]:
    return [
        jobs.NewRun(arm="ab"[i % 2], setting={"/loss/delta": 0.5}, seed=i, epochs=10)
        for i in range(n)
    ]


def plan(session: Session, job_id: str, cut: int) -> list[str]:
    ids = [run.id for run in runs.of_job(session, job_id, limit=None)]
    pieces = [ids[i : i + cut] for i in range(0, len(ids), cut)]
    return cohorts.insert_planned(
        session, job_id, [cohorts.NewCohort(run_ids=piece, epochs=10) for piece in pieces]
    )
