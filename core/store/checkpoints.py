"""Checkpoints: the artifact is stored first, then its row, with the metrics it belongs to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.store.fencing import hold
from core.store.ids import new_id
from core.store.models import Checkpoint

Kind = Literal["resume", "weights", "rows"]


def insert_checkpoint(
    session: Session,
    cohort_id: str,
    fence: int,
    *,
    epoch: int,
    kind: Kind,
    key: str,
    sha256: str,
    size_bytes: int,
) -> Checkpoint:
    """Tell of an artifact that is already stored. Raises StaleFence when the cohort was lost."""
    hold(session, cohort_id, fence)
    checkpoint = Checkpoint(
        id=new_id("ckp"),
        cohort_id=cohort_id,
        epoch=epoch,
        kind=kind,
        key=key,
        sha256=sha256,
        bytes=size_bytes,
    )
    session.add(checkpoint)
    session.flush()
    return checkpoint


def of_cohort(session: Session, cohort_id: str, kind: Kind | None = None) -> Sequence[Checkpoint]:
    """A cohort's checkpoints, newest epoch first: when the first is torn, try the next."""
    query = select(Checkpoint).where(Checkpoint.cohort_id == cohort_id)
    if kind is not None:
        query = query.where(Checkpoint.kind == kind)
    return session.scalars(query.order_by(Checkpoint.epoch.desc(), Checkpoint.id.desc())).all()


def forget(session: Session, checkpoint_ids: Collection[str]) -> None:
    """Drop rows (torn or superseded); remove their artifacts after the commit."""
    session.execute(
        delete(Checkpoint)
        .where(Checkpoint.id.in_(checkpoint_ids))
        .execution_options(synchronize_session=False)
    )


def forget_older(session: Session, cohort_id: str, *, kept: int) -> list[str]:
    """Drop a cohort's resume checkpoints but the newest `kept`; returns keys to remove."""
    old = of_cohort(session, cohort_id, "resume")[kept:]
    keys = [checkpoint.key for checkpoint in old]
    forget(session, [checkpoint.id for checkpoint in old])
    return keys
