"""The fence: a cohort's claim number. Whoever writes for a cohort names it, or writes nothing."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.store.models import Cohort


class StaleFence(Exception):
    """The cohort is no longer held under this fence: stop, another may be training it."""

    def __init__(self, cohort_id: str, fence: int) -> None:
        super().__init__(cohort_id, fence)
        self.cohort_id = cohort_id
        self.fence = fence


def hold(session: Session, cohort_id: str, fence: int) -> Cohort:
    """The cohort's row, locked until the transaction ends. Raises StaleFence when it was lost."""
    cohort = session.scalars(
        select(Cohort)
        .where(Cohort.id == cohort_id, Cohort.fence == fence, Cohort.status == "running")
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
    if cohort is None:
        raise StaleFence(cohort_id, fence)
    return cohort
