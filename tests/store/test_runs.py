from __future__ import annotations

import pytest

from core.errors import NotFound
from core.store import cohorts, runs
from core.store.runs import RunFilter


def claim(database):
    with database.write() as session:
        return cohorts.claim_next(session, "w1", ["auto"], 30)


def test_pages_of_runs_go_by_place_and_may_name_an_arm(database, insert):
    job = insert(7)
    with database.read() as session:
        first = runs.of_job(session, job.id, limit=3)
        rest = runs.of_job(session, job.id, after=first[-1].ordinal)
        assert [run.ordinal for run in [*first, *rest]] == list(range(7))
        of_b = runs.of_job(session, job.id, only=RunFilter(arm="b"))
        assert [run.ordinal for run in of_b] == [1, 3, 5]
        assert runs.of_job(session, job.id, only=RunFilter(status="failed")) == []


def test_a_cohort_is_recorded_as_one(database, insert):
    insert(3, cut=3)
    held = claim(database)
    with database.write() as session:
        a, b, c = (run.id for run in runs.of_cohort(session, held.id))
        best = {"val_loss": {"last": 0.5, "best": 0.4, "best_epoch": 2}}
        runs.record(
            session,
            held.id,
            held.fence,
            [
                runs.RunUpdate(a, metrics=best),
                runs.RunUpdate(b, stopped_epoch=3, stop_reason="early_stopped"),
                runs.RunUpdate(c, status="succeeded", final={"val_loss": 0.4}, seconds=1.5),
            ],
        )
    with database.read() as session:
        first, second, third = (runs.get_run(session, run_id) for run_id in (a, b, c))
    assert (first.metrics, first.status) == (best, "running")
    assert (second.stopped_epoch, second.stop_reason, second.metrics) == (3, "early_stopped", {})
    assert (third.status, third.final, third.seconds) == ("succeeded", {"val_loss": 0.4}, 1.5)


def test_a_finished_run_never_changes_again(database, insert):
    insert(1, cut=1)
    held = claim(database)
    with database.write() as session:
        (run,) = runs.of_cohort(session, held.id)
        done = runs.RunUpdate(run.id, status="succeeded", final={"val_loss": 0.4})
        late = runs.RunUpdate(run.id, status="failed", final={"val_loss": 9.0})
        for update in (done, late):
            runs.record(session, held.id, held.fence, [update])
    with database.read() as session:
        after = runs.get_run(session, run.id)
    assert (after.status, after.final) == ("succeeded", {"val_loss": 0.4})


def test_a_run_of_another_cohort_is_not_touched(database, insert):
    insert(2, cut=1)
    mine, other = claim(database), claim(database)
    with database.write() as session:
        (theirs,) = runs.of_cohort(session, other.id)
        runs.record(session, mine.id, mine.fence, [runs.RunUpdate(theirs.id, status="failed")])
    with database.read() as session:
        assert runs.get_run(session, theirs.id).status == "running"


def test_scores_that_are_not_numbers_are_refused(database, insert):
    insert(1, cut=1)
    held = claim(database)
    with database.read() as session:
        (run,) = runs.of_cohort(session, held.id)
    update = runs.RunUpdate(run.id, final={"val_loss": float("inf")})
    with pytest.raises(Exception, match="Out of range float"), database.write() as session:
        runs.record(session, held.id, held.fence, [update])


def test_a_run_that_is_not_there_is_not_found(database):
    with database.read() as session, pytest.raises(NotFound):
        runs.get_run(session, "run_nope")
