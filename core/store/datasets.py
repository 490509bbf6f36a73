"""Uploaded datasets: the same bytes and spec are one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, tuple_
from sqlalchemy.orm import Session

from core.errors import Conflict, NotFound
from core.store.models import Dataset, Job
from core.store.upsert import insert_into


def insert_dataset(
    session: Session,
    *,
    id: str,
    name: str,
    format: str,
    task: str,
    facts: Mapping[str, Any],
    fingerprint: str,
    sha256: str,
    size_bytes: int,
    key: str,
    warnings: Sequence[str] = (),
) -> Dataset:
    """Store an upload whose artifact lies under `key`; `id` is `new_id("ds")`, made before it.

    Two uploads of one fingerprint at once: the second gets the first's row, so compare ids.
    """
    values = {
        "id": id,
        "name": name,
        "format": format,
        "task": task,
        "facts": dict(facts),
        "fingerprint": fingerprint,
        "sha256": sha256,
        "bytes": size_bytes,
        "key": key,
        "warnings": list(warnings),
    }
    session.execute(insert_into(session, Dataset).values(values).on_conflict_do_nothing())
    dataset = find_dataset(session, fingerprint)
    assert dataset is not None, f"{id} was inserted or kept"
    return dataset


def get_dataset(session: Session, dataset_id: str) -> Dataset:
    """The dataset. Raises NotFound."""
    dataset = session.get(Dataset, dataset_id)
    if dataset is None:
        raise NotFound(
            f"There is no dataset {dataset_id!r}; GET /v1/datasets lists those there are, and"
            " POST /v1/datasets uploads one."
        )
    return dataset


def find_dataset(session: Session, fingerprint: str) -> Dataset | None:
    """The dataset of these bytes and this spec, when it was uploaded before."""
    return session.scalars(select(Dataset).where(Dataset.fingerprint == fingerprint)).one_or_none()


def list_datasets(
    session: Session, *, limit: int = 100, after: tuple[datetime, str] | None = None
) -> Sequence[Dataset]:
    """Datasets, newest first; `after` is the (created_at, id) of the last one already seen."""
    query = select(Dataset)
    if after is not None:
        query = query.where(tuple_(Dataset.created_at, Dataset.id) < after)
    newest = query.order_by(Dataset.created_at.desc(), Dataset.id.desc())
    return session.scalars(newest.limit(limit)).all()


def delete_dataset(session: Session, dataset_id: str) -> str:
    """Delete a dataset; returns the artifact key to remove after commit.

    Raises Conflict while a job, finished or not, names it: its report could not be reproduced.
    """
    dataset = session.get(Dataset, dataset_id, with_for_update=True)
    if dataset is None:
        raise NotFound(f"There is no dataset {dataset_id!r}.")
    user = session.scalars(select(Job.id).where(Job.dataset_id == dataset_id).limit(1)).first()
    if user is not None:
        raise Conflict(f"Dataset {dataset_id!r} is used by job {user!r}; delete the job first.")
    key = dataset.key
    session.execute(delete(Dataset).where(Dataset.id == dataset_id))
    return key
