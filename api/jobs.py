"""What the job routes do with the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.orm import Session

from api.deps import Services
from api.schemas.jobs import Job, JobPage, JobStatus
from api.views import job_view
from api.waiting import served_for
from core.store import jobs, models
from core.store.artifacts import job_folder
from core.store.states import is_final

Verb = Literal["cancel", "pause", "resume"]
_VERBS: dict[Verb, Callable[[Session, str], models.Job]] = {
    "cancel": jobs.request_cancel,
    "pause": jobs.request_pause,
    "resume": jobs.request_resume,
}
_SCOPE = "jobs"


@dataclass(frozen=True)
class Found:
    """A job as read, with its version."""

    job: Job
    version: int
    final: bool

    @property
    def headers(self) -> dict[str, str]:
        return {"etag": self.etag, "cache-control": "no-cache"}

    @property
    def etag(self) -> str:
        """Weak, since the estimate of the time to go may differ between equal versions.

        Workers come and go without a new version of the job, so whether it waits is part of it.
        """
        return f'W/"{self.version}{"-waiting" if self.job.waiting else ""}"'

    def matches(self, if_none_match: str | None) -> bool:
        """Whether the client already has this version (weak comparison)."""
        if if_none_match is None:
            return False
        tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
        return "*" in tags or self.etag.removeprefix("W/") in tags


def read(house: Services, job_id: str) -> Found:
    """Raises NotFound."""
    with house.database.read() as session:
        row = jobs.get_job(session, job_id)
        job = job_view(row, served_for(session, [row]))
        return Found(job, row.version, is_final(row.status))


def page(
    house: Services, *, status: JobStatus | None, name: str | None, limit: int, after: str | None
) -> JobPage:
    """Jobs, newest first. Raises InvalidRequest for a cursor that is none."""
    position = None
    if after is not None:
        created_at, job_id = house.cursors.read(_SCOPE, after)
        position = (datetime.fromisoformat(str(created_at)), str(job_id))
    with house.database.read() as session:
        rows = jobs.list_jobs(session, status=status, name=name, limit=limit + 1, after=position)
        kept = rows[:limit]
        served = served_for(session, kept)
        more = len(rows) > limit
        last = (kept[-1].created_at.isoformat(), kept[-1].id) if more else None
        return JobPage(
            data=[job_view(row, served) for row in kept],
            has_more=more,
            next=house.cursors.sign(_SCOPE, last) if last else None,
        )


def steer(house: Services, job_id: str, verb: Verb) -> Job:
    """Raises NotFound, and Conflict where the job's status forbids it."""
    with house.database.write() as session:
        row = _VERBS[verb](session, job_id)
        job = job_view(row, served_for(session, [row]))
    house.ring()
    return job


def delete(house: Services, job_id: str) -> None:
    """Delete the rows, then the artifacts. Raises NotFound, and Conflict while it runs."""
    with house.database.write() as session:
        keys = jobs.delete_job(session, job_id)
    for key in keys:
        house.artifacts.delete(key)
    house.artifacts.delete_below(job_folder(job_id))  # what attempts that crashed left behind
