"""Runs: pages of a job's runs, and what the recorder writes of a whole cohort at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from core.errors import NotFound
from core.store.columns import Document
from core.store.counts import by_status
from core.store.fencing import hold
from core.store.models import Run
from core.store.states import FINAL, Status


@dataclass(frozen=True)
class RunUpdate:
    """What is new about one run; None leaves a column as it is.

    Give `status` a final value last, together with `final`: a finished run never changes again.
    """

    run_id: str
    status: Status | None = None
    metrics: Mapping[str, Any] | None = None
    final: Mapping[str, Any] | None = None
    seconds: float | None = None
    stopped_epoch: int | None = None
    stop_reason: str | None = None
    error: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class RunFilter:
    """Runs of this arm, status, seed, repeat and outer fold; None is any."""

    arm: str | None = None
    status: Status | None = None
    seed: int | None = None
    repeat: int | None = None
    fold: int | None = None


EVERY = RunFilter()


def get_run(session: Session, run_id: str) -> Run:
    """The run. Raises NotFound."""
    run = session.get(Run, run_id)
    if run is None:
        raise NotFound(f"There is no run {run_id!r}.")
    return run


def of_job(
    session: Session,
    job_id: str,
    *,
    only: RunFilter = EVERY,
    limit: int | None = 100,
    after: int = -1,
) -> Sequence[Run]:
    """A job's runs in order, those with an ordinal above `after`; no limit when None."""
    asked = {name: value for name, value in asdict(only).items() if value is not None}
    query = select(Run).where(Run.job_id == job_id, Run.ordinal > after).filter_by(**asked)
    return session.scalars(query.order_by(Run.ordinal).limit(limit)).all()


def of_cohort(session: Session, cohort_id: str) -> Sequence[Run]:
    """A cohort's runs in the order of its run axis."""
    return session.scalars(select(Run).where(Run.cohort_id == cohort_id).order_by(Run.row)).all()


def cohorts_of(session: Session, run_ids: Collection[str]) -> set[str]:
    """Ids of the cohorts that hold these runs."""
    query = select(Run.cohort_id).where(Run.id.in_(run_ids), Run.cohort_id.is_not(None))
    return {cohort_id for cohort_id in session.scalars(query.distinct()) if cohort_id is not None}


def places_of(session: Session, run_ids: Collection[str]) -> dict[str, list[tuple[str, int]]]:
    """Of each cohort that holds some of these runs, (run id, row on its run axis)."""
    found: dict[str, list[tuple[str, int]]] = {}
    query = select(Run.cohort_id, Run.id, Run.row).where(Run.id.in_(run_ids))
    for cohort_id, run_id, row in session.execute(query):
        if cohort_id is not None and row is not None:
            found.setdefault(cohort_id, []).append((run_id, row))
    return found


def record(session: Session, cohort_id: str, fence: int, updates: Sequence[RunUpdate]) -> None:
    """Write what is new about these runs of a cohort, as one statement.

    Runs that are final already stay as they are. Raises StaleFence when the cohort was lost.
    """
    hold(session, cohort_id, fence)
    if not updates:
        return
    session.connection().execute(
        _RECORD,
        [
            {
                "the_run": update.run_id,
                "the_cohort": cohort_id,
                "new_status": update.status,
                "new_metrics": update.metrics,
                "new_final": update.final,
                "new_seconds": update.seconds,
                "new_stopped_epoch": update.stopped_epoch,
                "new_stop_reason": update.stop_reason,
                "new_error": update.error,
            }
            for update in updates
        ],
    )


def set_open(
    session: Session,
    status: Status,
    *,
    cohort_id: str | None = None,
    job_id: str | None = None,
    error: Mapping[str, Any] | None = None,
) -> None:
    """Give every run of a cohort (or of a job) that is not final this status.

    For the functions beside this file, which hold the lock of the cohort or job.
    """
    assert (cohort_id is None) != (job_id is None), "name a cohort or a job"
    owner = Run.cohort_id == cohort_id if cohort_id else Run.job_id == job_id
    session.execute(
        update(Run)
        .where(owner, Run.status.not_in(FINAL))
        .values(status=status, error=error)
        .execution_options(synchronize_session=False)
    )


def count_by_status(session: Session, job_id: str) -> dict[Status, int]:
    """How many of a job's runs have each status."""
    return by_status(session, Run.status, Run.job_id == job_id)


_RECORD = (
    update(Run)
    .where(
        Run.id == bindparam("the_run"),
        Run.cohort_id == bindparam("the_cohort"),
        *(Run.status != status for status in FINAL),  # an IN list cannot go through executemany
    )
    .values(
        status=func.coalesce(bindparam("new_status", type_=Run.status.type), Run.status),
        metrics=func.coalesce(bindparam("new_metrics", type_=Document()), Run.metrics),
        final=func.coalesce(bindparam("new_final", type_=Document()), Run.final),
        seconds=func.coalesce(bindparam("new_seconds", type_=Run.seconds.type), Run.seconds),
        stopped_epoch=func.coalesce(
            bindparam("new_stopped_epoch", type_=Run.stopped_epoch.type), Run.stopped_epoch
        ),
        stop_reason=func.coalesce(
            bindparam("new_stop_reason", type_=Run.stop_reason.type), Run.stop_reason
        ),
        error=func.coalesce(bindparam("new_error", type_=Document()), Run.error),
    )
)
