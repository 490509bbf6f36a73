"""What the run routes do with the store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from pathlib import Path

from api.deps import Services
from api.schemas.runs import (
    Checkpoint,
    CheckpointLinks,
    CheckpointPage,
    Run,
    RunPage,
)
from api.strict_json import shown
from api.views import run_view
from api.weights import Weights, Which, weights_of
from core.datasets import Protocol
from core.errors import Conflict, NotFound
from core.spec.faults import unknown
from core.spec.resolve import BASE
from core.store import checkpoints, jobs, models, runs
from core.store.runs import RunFilter
from core.store.states import is_final


def read(house: Services, run_id: str) -> Run:
    """Raises NotFound."""
    with house.database.read() as session:
        return run_view(runs.get_run(session, run_id))


def page(
    house: Services,
    job_id: str,
    *,
    only: RunFilter,
    limit: int,
    after: str | None,
) -> RunPage:
    """A job's runs in order. Raises NotFound for the job, and for what it has no runs of."""
    scope = "/".join(["runs", job_id, *map(str, astuple(only))])
    ordinal = int(house.cursors.read(scope, after)[0]) if after else -1
    with house.database.read() as session:
        _check(jobs.get_job(session, job_id), only)
        rows = runs.of_job(session, job_id, only=only, limit=limit + 1, after=ordinal)
        kept = rows[:limit]
        more = len(rows) > limit
        return RunPage(
            data=[run_view(row) for row in kept],
            has_more=more,
            next=house.cursors.sign(scope, (kept[-1].ordinal,)) if more else None,
        )


def check_arm(job: models.Job, arm: str | None) -> None:
    """Raises NotFound, naming the job's arms, where it has no such arm."""
    names = [str(found["name"]) for found in job.document["compare"] or [{"name": BASE}]]
    if arm is not None and arm not in names:
        sentence = unknown(shown(arm), names, f"an arm of job {job.id!r}", "its arms are")
        raise NotFound(f"{sentence}.")


def _check(job: models.Job, only: RunFilter) -> None:
    """Raises NotFound, naming what there is, for an arm, seed, repeat or fold that is not."""
    check_arm(job, only.arm)
    protocol = Protocol.of(job.document)
    folds = range(protocol.folds) if protocol.folds > 1 else ()
    places = {"seed": protocol.seeds, "repeat": range(protocol.repeats), "fold": folds}
    for name, known in places.items():
        asked = getattr(only, name)
        if asked is not None and asked not in known:
            there = f"its {name}s are {shown(str(list(known)))}" if known else f"it has no {name}s"
            raise NotFound(f"Job {job.id!r} has no {name} {shown(str(asked))}; {there}.")


def checkpoint_page(house: Services, run_id: str) -> CheckpointPage:
    """The checkpoints of a run's cohort, newest first; they are few. Raises NotFound."""
    with house.database.read() as session:
        run = runs.get_run(session, run_id)
        rows = checkpoints.of_cohort(session, run.cohort_id) if run.cohort_id else []
        return CheckpointPage(
            data=[_checkpoint(row, run) for row in rows], has_more=False, next=None
        )


def weights(house: Services, run_id: str, which: Which) -> Weights:
    """One run's weights. Raises what `stored_weights` raises."""
    with stored_weights(house, run_id) as (path, row):
        return weights_of(path, run_id=run_id, row=row, which=which)


@contextmanager
def stored_weights(house: Services, run_id: str) -> Iterator[tuple[Path, int]]:
    """The stacked weights of the run's cohort as a local file, and the run's row in it.

    Raises NotFound, and Conflict while there are none yet.
    """
    with house.database.read() as session:
        run = runs.get_run(session, run_id)
        rows = checkpoints.of_cohort(session, run.cohort_id, "weights") if run.cohort_id else []
    if not rows or run.row is None:
        if is_final(run.status):
            raise NotFound(f"Run {run_id!r} is {run.status} and left no weights.")
        raise Conflict(f"Run {run_id!r} is {run.status}; its weights are stored when it ends.")
    with ExitStack() as stack:
        try:  # its checksum is not asked for: of a large file only a row is read
            path = stack.enter_context(house.artifacts.local(rows[0].key))
            path.stat()
        except FileNotFoundError:
            raise NotFound(f"The weights of run {run_id!r} are gone from the store.") from None
        yield path, run.row


def _checkpoint(row: models.Checkpoint, run: models.Run) -> Checkpoint:
    link = f"/v1/runs/{run.id}/weights" if row.kind == "weights" else None
    return Checkpoint(
        id=row.id,
        run=run.id,
        kind=row.kind,
        epoch=row.epoch,
        bytes=row.bytes,
        sha256=row.sha256,
        created_at=row.created_at,
        links=CheckpointLinks(weights=link),
    )
