from __future__ import annotations

import pytest

from core.store import cohorts, control, jobs, runs
from core.store.fencing import StaleFence
from core.store.halving import halve
from core.store.models import Cohort


def claim(database):
    with database.write() as session:
        return cohorts.claim_next(session, "w1", ["auto"], 30)


def cohorts_of(database, job_id):
    with database.read() as session:
        return session.query(Cohort).filter_by(job_id=job_id).order_by(Cohort.ordinal).all()


def test_both_halves_wait_with_their_runs_numbered_anew_and_no_attempt_counted(database, insert):
    job = insert(5, cut=5)
    held = claim(database)
    with database.write() as session:
        assert halve(session, held.id, held.fence) == "queued"
    first, second = cohorts_of(database, job.id)
    assert (first.rows, first.attempts, first.status) == (2, 0, "queued")
    assert (second.rows, second.attempts, second.status) == (3, 0, "queued")
    with database.read() as session:
        members = [runs.of_cohort(session, cohort.id) for cohort in (first, second)]
        assert [run.ordinal for half in members for run in half] == [0, 1, 2, 3, 4]
        assert [run.row for half in members for run in half] == [0, 1, 0, 1, 2]
        assert {run.status for half in members for run in half} == {"queued"}
        assert jobs.get_job(session, job.id).status == "running"
    assert [claim(database).rows, claim(database).rows] == [2, 3]


def test_a_stale_holder_halves_nothing(database, insert):
    job = insert(4, cut=4)
    held = claim(database)
    with pytest.raises(StaleFence), database.write() as session:
        halve(session, held.id, held.fence - 1)
    assert len(cohorts_of(database, job.id)) == 1


@pytest.mark.parametrize(("verb", "status"), [("cancel", "cancelled"), ("pause", "paused")])
def test_a_job_that_is_to_stop_is_not_halved(database, insert, verb, status):
    job = insert(4, cut=4)
    held = claim(database)
    with database.write() as session:
        getattr(control, f"request_{verb}")(session, job.id)
    with database.write() as session:
        assert halve(session, held.id, held.fence) == status
    assert [cohort.rows for cohort in cohorts_of(database, job.id)] == [4]
