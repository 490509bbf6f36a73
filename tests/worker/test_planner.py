from __future__ import annotations

import subprocess
import sys
from dataclasses import asdict

from core.datasets import facts_of
from core.spec import Limits, resolve, runs_of
from core.store import jobs, runs
from core.store.jobs import NewRun
from core.store.models import Cohort
from worker import planner
from worker.planner import plan_next

WORDS = {"lease_s": 30.0, "memory_bytes": 2**31, "attempts_max": 3}
BODY = {
    "dataset": "iris",
    "architecture": "linear",
    "loss": "cross_entropy",
    "epochs": 5,
    "folds": 1,
}


def submit(database, **changes):
    found = resolve({**BODY, **changes}, lambda source: facts_of(source, None), Limits())
    epochs = {arm.name: arm.experiment.epochs for arm in found.arms}
    new_runs = [NewRun(a, s, **asdict(place), epochs=epochs[a]) for a, s, place in runs_of(found)]
    with database.write() as session:
        return jobs.insert_job(session, found.document, new_runs, facts=found.facts.document()).id


def cohorts_of(database, job_id):
    with database.read() as session:
        return session.query(Cohort).filter_by(job_id=job_id).order_by(Cohort.ordinal).all()


def test_what_may_share_tensors_shares_a_cohort(database):
    job_id = submit(
        database,
        seeds=2,
        compare=[
            {"name": "none"},
            {"name": "l2", "regularizers": [{"kind": "l2", "lambda": {"values": [0.1, 0.2]}}]},
            {"name": "wide", "architecture": {"kind": "mlp", "hidden": [8]}, "epochs": 7},
        ],
    )
    assert plan_next(database, "w1", **WORDS)
    first, second = cohorts_of(database, job_id)
    assert (first.rows, first.epochs, second.rows, second.epochs) == (6, 5, 2, 7)
    with database.read() as session:
        assert [run.arm for run in runs.of_cohort(session, second.id)] == ["wide", "wide"]
        assert [run.row for run in runs.of_cohort(session, first.id)] == list(range(6))
    assert not plan_next(database, "w1", **WORDS)


def test_little_memory_makes_more_cohorts(database):
    job_id = submit(database, seeds=8)
    plan_next(database, "w1", **{**WORDS, "memory_bytes": 1})
    assert [cohort.rows for cohort in cohorts_of(database, job_id)] == [1] * 8


def test_a_job_that_cannot_be_planned_fails_and_the_next_is_planned(database):
    with database.write() as session:
        poisoned = jobs.insert_job(
            session, {"dataset": "?"}, [NewRun("base", {}, 0, 1)], facts={}
        ).id
    good = submit(database)
    while plan_next(database, "w1", **WORDS):
        pass
    with database.read() as session:
        job = jobs.get_job(session, poisoned)
    assert (job.status, job.error["code"]) == ("failed", "internal")
    assert cohorts_of(database, good)


def test_a_job_deleted_while_it_is_planned_is_let_go(database, monkeypatch):
    gone, good = submit(database), submit(database)
    cut = planner.cut_job

    def deleting(job, members, memory_bytes):
        if job.id == gone:
            with database.write() as session:
                jobs.delete_job(session, gone)
        return cut(job, members, memory_bytes)

    monkeypatch.setattr(planner, "cut_job", deleting)
    while plan_next(database, "w1", **WORDS):
        pass
    assert cohorts_of(database, gone) == []
    assert cohorts_of(database, good)


def test_the_process_that_plans_and_records_never_imports_torch():
    program = (
        "import sys, worker.__main__, worker.supervisor, worker.app\n"
        "from core.spec import experiment_at, resolve, Limits\n"
        "from core.datasets import Protocol, facts_of\n"
        "from core.plan import Shapes, plan\n"
        f"r = resolve({BODY!r}, lambda source: facts_of(source, None), Limits())\n"
        "e = experiment_at(r.document, r.arms[0].name, r.arms[0].settings[0])\n"
        "plan([e], Shapes.of(r.facts, Protocol.of(r.document)), memory_bytes=2**30)\n"
        "print([m for m in ('torch', 'sklearn', 'scipy', 'fastapi') if m in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"
