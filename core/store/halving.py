"""A cohort that did not fit into memory becomes two, each with half of the runs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

from core.store import runs
from core.store.fencing import hold
from core.store.handback import change, give_back, say
from core.store.ids import new_id
from core.store.models import Cohort, Run
from core.store.progress import lock
from core.store.states import Status


def halve(session: Session, cohort_id: str, fence: int) -> Status:
    """Give a cohort back as two; the attempt is not counted. Returns where they wait.

    Only before anything of it is recorded: its rows are numbered anew. Raises StaleFence.
    """
    cohort = hold(session, cohort_id, fence)
    assert cohort.rows > 1, f"{cohort_id} has {cohort.rows} run"
    assert cohort.epochs_done == 0, f"{cohort_id} has {cohort.epochs_done} epochs behind it"
    job = lock(session, cohort.job_id)
    if job.wanted != "run":
        return give_back(session, cohort, job, attempts=cohort.attempts - 1)
    first = cohort.rows // 2
    message = f"{cohort.rows} runs did not fit into memory, so they train in two parts"
    say(session, cohort, job, "cohort_halved", message)
    _move_rows(session, cohort, first)
    memory_bytes = cohort.memory_bytes * first // cohort.rows
    change(session, cohort, rows=first, memory_bytes=memory_bytes)
    return give_back(session, cohort, job, attempts=cohort.attempts - 1)


def _move_rows(session: Session, cohort: Cohort, first: int) -> None:
    """The rows from `first` on, into a queued cohort of their own."""
    last = select(func.max(Cohort.ordinal)).where(Cohort.job_id == cohort.job_id)
    new: dict[str, Any] = {
        "id": new_id("coh"),
        "job_id": cohort.job_id,
        "ordinal": session.scalars(last).one() + 1,
        "status": "queued",
        "rank": cohort.rank,
        "device": cohort.device,
        "rows": cohort.rows - first,
        "epochs": cohort.epochs,
        "parameters": cohort.parameters,
        "memory_bytes": cohort.memory_bytes * (cohort.rows - first) // cohort.rows,
    }
    session.execute(insert(Cohort), [new])
    session.execute(
        update(Run)
        .where(Run.cohort_id == cohort.id, Run.row >= first)
        .values(cohort_id=new["id"], row=Run.row - first)
        .execution_options(synchronize_session=False)
    )
    runs.set_open(session, "queued", cohort_id=new["id"])
