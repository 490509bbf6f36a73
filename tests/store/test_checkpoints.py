from __future__ import annotations

import pytest

from core.store import checkpoints, cohorts
from core.store.cohorts import StaleFence


@pytest.fixture
def held(database, insert):
    insert(2, cut=2)
    with database.write() as session:
        return cohorts.claim_next(session, "w1", ["auto"], 30)


def write(database, held, epoch, kind="resume", fence=None):
    with database.write() as session:
        return checkpoints.insert_checkpoint(
            session,
            held.id,
            fence or held.fence,
            epoch=epoch,
            kind=kind,
            key=f"{kind}/{epoch}",
            sha256="s",
            size_bytes=1,
        )


def test_checkpoints_are_found_newest_first_to_fall_back_on(database, held):
    for epoch in (1, 2, 3):
        write(database, held, epoch)
    write(database, held, 3, kind="weights")
    with database.write() as session:
        found = checkpoints.of_cohort(session, held.id, "resume")
        assert [row.epoch for row in found] == [3, 2, 1]
        checkpoints.forget(session, [found[0].id])  # torn
        assert [row.epoch for row in checkpoints.of_cohort(session, held.id, "resume")] == [2, 1]
        assert len(checkpoints.of_cohort(session, held.id)) == 3


def test_superseded_checkpoints_are_forgotten_and_named(database, held):
    for epoch in (1, 2, 3, 4):
        write(database, held, epoch)
    write(database, held, 1, kind="weights")
    with database.write() as session:
        assert checkpoints.forget_older(session, held.id, kept=2) == ["resume/2", "resume/1"]
        assert len(checkpoints.of_cohort(session, held.id)) == 3


def test_a_stale_fence_leaves_no_checkpoint(database, held):
    with pytest.raises(StaleFence):
        write(database, held, 1, fence=held.fence + 1)
