"""From a cohort just claimed to the order that the trainer child carries out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from core.errors import NotFound
from core.store import checkpoints, datasets, runs
from core.store.artifacts import job_folder
from core.store.cohorts import ClaimedCohort
from worker.order import Artifact, Order, Saved


def order_for(
    session: Session,
    cohort: ClaimedCohort,
    *,
    order: int,
    device: str,
    checkpoint_every_s: float,
    rows_bytes_max: int,
) -> Order:
    """The order of a cohort just claimed; `device` is the one to train on."""
    members = runs.of_cohort(session, cohort.id)
    saved = checkpoints.of_cohort(session, cohort.id, "resume")
    return Order(
        order=order,
        cohort=cohort.id,
        document=cohort.document,
        members=tuple(
            (run.arm, run.setting, run.seed, run.repeat, run.fold, run.inner_fold)
            for run in members
        ),
        prefix=f"{folder_of(cohort)}/{cohort.fence}",
        checkpoints=tuple(Saved(c.key, c.sha256, c.epoch) for c in saved),
        dataset_sha256=cohort.facts.get("sha256", ""),
        uploads=_uploads(session, cohort.document["dataset"]),
        device=device,
        checkpoint_every_s=checkpoint_every_s,
        rows_bytes_max=rows_bytes_max,
    )


def folder_of(cohort: ClaimedCohort) -> str:
    """Where all attempts of a cohort store their artifacts."""
    return f"{job_folder(cohort.job_id)}/{cohort.id}"


def _uploads(session: Session, source: Mapping[str, Any]) -> dict[str, Artifact]:
    if source["kind"] != "upload":
        return {}
    try:
        row = datasets.get_dataset(session, source["id"])
    except NotFound:
        return {}  # the child says that it is gone
    return {row.id: Artifact(row.key, row.sha256)}
