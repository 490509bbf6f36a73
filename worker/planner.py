"""Cut the next queued job into cohorts. Arithmetic only; it needs neither data nor tensors."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import structlog

from core.datasets import DatasetFacts, Protocol
from core.errors import NotFound, Unavailable
from core.plan import Shapes, plan
from core.spec import Experiment, experiment_at
from core.store import cohorts, control, jobs, runs
from core.store.cohorts import NewCohort
from core.store.models import Job, Run
from core.store.session import Database

log = structlog.get_logger(__name__)


def plan_next(
    database: Database, worker_id: str, *, lease_s: float, memory_bytes: int, attempts_max: int
) -> bool:
    """Plan one job and say whether there was one. One that cannot be planned fails."""
    with database.read() as session:  # a look is free; a write takes SQLite's only lock
        if not jobs.waits(session):
            return False
    with database.write(durable=False) as session:
        job = jobs.claim_planning(session, worker_id, lease_s, attempts_max=attempts_max)
        if job is None:
            return False
        members = runs.of_job(session, job.id, limit=None)
    try:
        _plan(database, job, members, memory_bytes)
    except NotFound:
        log.info("job was deleted while it was planned", job=job.id)
    return True


def _plan(database: Database, job: Job, members: Sequence[Run], memory_bytes: int) -> None:
    """Store the cohorts of a job, or why it has none. Raises NotFound when it was deleted."""
    try:
        cut = cut_job(job, members, memory_bytes)
    except Unavailable:
        raise
    except Exception as error:  # a poisoned job must not take the worker along
        log.exception("job cannot be planned", job=job.id)
        with database.write() as session:
            control.fail_job(session, job.id, "internal", f"The job cannot be planned: {error}")
    else:
        with database.write(durable=False) as session:  # it can be planned again
            cohorts.insert_planned(session, job.id, cut)


def cut_job(job: Job, members: Sequence[Run], memory_bytes: int) -> list[NewCohort]:
    """Cohorts of a job's runs, in the order of their first run."""
    shapes = Shapes.of(DatasetFacts.of(job.facts), Protocol.of(job.document))
    plans = plan(list(_experiments(job, members)), shapes, memory_bytes=memory_bytes)
    return [
        NewCohort(
            [members[i].id for i in cohort.runs],
            epochs=cohort.epochs,
            parameters=cohort.parameters,
            memory_bytes=cohort.memory_bytes,
        )
        for cohort in plans
    ]


def _experiments(job: Job, members: Sequence[Run]) -> Iterator[Experiment]:
    """One per run; runs of one setting share the object."""
    made: dict[tuple[str, str], Experiment] = {}
    for run in members:
        key = run.arm, json.dumps(run.setting, sort_keys=True)
        if key not in made:
            made[key] = experiment_at(job.document, run.arm, run.setting)
        yield made[key]
