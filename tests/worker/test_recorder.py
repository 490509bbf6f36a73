"""Rows that messages become, on both databases."""

from __future__ import annotations

import json

import pytest

from core.store import checkpoints, cohorts, control, events, jobs, runs
from core.store.cohorts import NewCohort, StaleFence
from core.store.jobs import NewRun
from core.store.models import Cohort
from tests.counting import statements
from worker import recorder as recorder_module
from worker.recorder import Recorder

EPOCHS = 10


@pytest.fixture
def claim(database):
    """Insert a job of three runs in one cohort, and claim it."""

    def claim():
        new_runs = [NewRun("base", {}, seed, EPOCHS) for seed in range(3)]
        with database.write() as session:
            job = jobs.insert_job(session, {}, new_runs, facts={})
            ids = [run.id for run in runs.of_job(session, job.id)]
            cohorts.insert_planned(session, job.id, [NewCohort(ids, epochs=EPOCHS)])
        return again()

    def again():
        with database.write() as session:
            return cohorts.claim_next(session, "w1", ["auto"], 60)

    claim.again = again
    return claim


@pytest.fixture
def removed():
    return []


@pytest.fixture
def record(database, removed):
    return lambda claimed: Recorder(database, claimed, remove=removed.extend)


def epoch(number, rows=(0, 1, 2), loss=0.5):
    return {
        "event": "epoch",
        "epoch": number,
        "rows": list(rows),
        "metrics": {
            "val_loss": [loss + row for row in rows],
            "epoch_s": [0.3] * len(rows),
        },
        "nonfinite": {},
    }


def checkpoint(number, key):
    return {"event": "checkpoint", "epoch": number, "key": key, "sha256": "0" * 64, "bytes": 9}


def finished(*, cut=False, **final):
    return {
        "cut": cut,
        "event": "finished",
        "epoch": EPOCHS,
        "final": final,
        "key": "w",
        "sha256": "1" * 64,
        "bytes": 9,
        "rows": {"epoch": EPOCHS, "key": "r", "sha256": "2" * 64, "bytes": 7},
    }


def metrics_of(database, claimed):
    with database.read() as session:
        rows = events.read_after(session, claimed.job_id, types=["metrics"], limit=1000)
        return [(row.epoch, json.loads(row.data)) for row in rows]


def runs_of(database, claimed):
    with database.read() as session:
        return runs.of_cohort(session, claimed.id)


def job_of(database, claimed):
    with database.read() as session:
        return jobs.get_job(session, claimed.job_id)


def test_epochs_become_one_row_each_and_move_the_progress(database, claim, record):
    claimed = claim()
    recorder = record(claimed)
    for number in (1, 2, 3):
        recorder.take(epoch(number))
    recorder.flush()
    rows = metrics_of(database, claimed)
    assert [number for number, _ in rows] == [1, 2, 3]
    assert rows[0][1]["runs"] == [run.id for run in runs_of(database, claimed)]
    assert rows[0][1]["metrics"]["val_loss"] == [0.5, 1.5, 2.5]
    assert job_of(database, claimed).epochs_done == 9


def test_a_run_that_ended_has_all_its_epochs_behind_it_and_is_told_of(database, claim, record):
    claimed = claim()
    recorder = record(claimed)
    recorder.take(epoch(1))
    recorder.take({"event": "ended", "row": 1, "epoch": 1, "reason": "early_stopped"})
    recorder.take(epoch(2, rows=(0, 2)))
    recorder.flush()
    run = runs_of(database, claimed)[1]
    assert (run.stopped_epoch, run.stop_reason, run.status) == (1, "early_stopped", "running")
    assert job_of(database, claimed).epochs_done == 2 + EPOCHS + 2
    with database.read() as session:
        said = events.read_after(session, claimed.job_id, types=["event"])[-1]
    assert said.run_id == run.id
    assert json.loads(said.data)["event"] == "run_early_stopped"


def test_finishing_ends_runs_cohort_and_job_at_once(database, claim, record, removed):
    claimed = claim()
    recorder = record(claimed)
    recorder.take(epoch(EPOCHS))
    recorder.take(checkpoint(EPOCHS, "c1"))
    recorder.take({"event": "ended", "row": 2, "epoch": EPOCHS, "reason": "diverged"})
    recorder.finish(finished(test_loss=[0.1, 0.2, None]))
    job = job_of(database, claimed)
    assert (job.status, job.runs_done, job.epochs_done) == ("succeeded", 3, 3 * EPOCHS)
    first, _, last = runs_of(database, claimed)
    assert (first.status, first.final) == ("succeeded", {"test_loss": 0.1})
    assert first.metrics["val_loss"] == {"last": 0.5, "best": 0.5, "best_epoch": EPOCHS}
    assert (last.status, last.error["code"]) == ("failed", "diverged")
    assert last.final == {"test_loss": None}
    with database.read() as session:
        kept = checkpoints.of_cohort(session, claimed.id)
    assert {(c.kind, c.key, c.bytes) for c in kept} == {("weights", "w", 9), ("rows", "r", 7)}
    assert removed == ["c1"]


def test_a_job_all_of_whose_runs_diverged_fails_by_name(database, claim, record):
    claimed = claim()
    recorder = record(claimed)
    recorder.take(epoch(1))
    for row in range(3):
        recorder.take({"event": "ended", "row": row, "epoch": 1, "reason": "diverged"})
    recorder.finish(finished(test_loss=[None, None, None]))
    job = job_of(database, claimed)
    assert (job.status, job.error["code"]) == ("failed", "diverged")


def test_another_attempt_repeats_no_epoch_and_keeps_the_same_summary(database, claim, record):
    claimed = claim()
    first = record(claimed)
    first.take(epoch(1, loss=0.1))
    first.take(epoch(2, loss=0.9))
    first.fail("trainer_crashed", "It crashed.", retry=True)
    claimed = claim.again()
    second = record(claimed)
    for number in (1, 2, 3):
        second.take(epoch(number, loss=0.5))
    second.finish(finished(test_loss=[1.0, 1.0, 1.0]))
    assert [number for number, _ in metrics_of(database, claimed)] == [1, 2, 3]
    assert metrics_of(database, claimed)[0][1]["metrics"]["val_loss"][0] == 0.1
    run = runs_of(database, claimed)[0]
    assert run.metrics["val_loss"] == {"last": 0.5, "best": 0.1, "best_epoch": 1}
    assert run.seconds == pytest.approx(3 * 0.3 / 3)


def test_an_ending_is_told_once_however_often_it_is_trained(database, claim, record):
    claimed = claim()
    ending = {"event": "ended", "row": 1, "epoch": 1, "reason": "early_stopped"}
    first = record(claimed)
    first.take(epoch(1))
    first.take(ending)
    first.fail("trainer_crashed", "It crashed.", retry=True)
    second = record(claim.again())
    second.take(epoch(1))
    second.take(ending)
    second.flush()
    with database.read() as session:
        told = events.read_after(session, claimed.job_id, types=["event"])
    assert sum("run_early_stopped" in event.data for event in told) == 1


def test_a_stale_recorder_writes_nothing(database, claim, record):
    claimed = claim()
    stale = record(claimed)
    stale.take(epoch(1))
    stale.take(checkpoint(1, "c1"))
    record(claimed).release("given back")
    record(claim.again())
    with pytest.raises(StaleFence):
        stale.flush()
    with pytest.raises(StaleFence):
        stale.finish(finished(test_loss=[0.0, 0.0, 0.0]))
    assert metrics_of(database, claimed) == []
    with database.read() as session:
        assert checkpoints.of_cohort(session, claimed.id) == []


def test_what_one_failing_transaction_held_is_in_the_next(database, claim, record, monkeypatch):
    claimed = claim()
    recorder = record(claimed)
    recorder.take(epoch(1))
    recorder.take(checkpoint(1, "c1"))

    def fail(*arguments, **words):
        raise RuntimeError("disk on fire")

    with monkeypatch.context() as broken:
        broken.setattr(recorder_module.cohorts, "advance", fail)
        with pytest.raises(RuntimeError):
            recorder.flush()
    assert metrics_of(database, claimed) == []
    recorder.take(epoch(2))
    recorder.flush()
    assert [number for number, _ in metrics_of(database, claimed)] == [1, 2]
    with database.read() as session:
        assert len(checkpoints.of_cohort(session, claimed.id)) == 1


def test_the_two_newest_checkpoints_are_kept_and_the_others_removed(
    database, claim, record, removed
):
    claimed = claim()
    recorder = record(claimed)
    for number in (1, 2, 3, 4):
        recorder.take(checkpoint(number, f"c{number}"))
        recorder.flush()
    with database.read() as session:
        assert [c.key for c in checkpoints.of_cohort(session, claimed.id)] == ["c4", "c3"]
    assert removed == ["c1", "c2"]


def test_cancelling_keeps_what_was_recorded_and_ends_the_runs(database, claim, record):
    claimed = claim()
    recorder = record(claimed)
    recorder.take(epoch(1))
    with database.write() as session:
        control.request_cancel(session, claimed.job_id)
    assert recorder.cancel() == "cancelled"
    assert job_of(database, claimed).status == "cancelled"
    assert {run.status for run in runs_of(database, claimed)} == {"cancelled"}
    assert len(metrics_of(database, claimed)) == 1


def test_a_cancelled_cohort_keeps_the_scores_and_weights_of_what_it_trained(
    database, claim, record
):
    claimed = claim()
    recorder = record(claimed)
    recorder.take(epoch(1))
    recorder.take({"event": "ended", "row": 2, "epoch": 1, "reason": "early_stopped"})
    with database.write() as session:
        control.request_cancel(session, claimed.job_id)
    last = finished(cut=True, val_loss=[0.5, None, 0.25]) | {"epoch": 1}
    assert recorder.finish(last) == "cancelled"
    assert job_of(database, claimed).status == "cancelled"
    cut, _, stopped = runs_of(database, claimed)
    assert (cut.status, cut.final, cut.stopped_epoch) == ("cancelled", {"val_loss": 0.5}, 1)
    assert (stopped.status, stopped.final) == ("succeeded", {"val_loss": 0.25})
    with database.read() as session:
        assert [c.key for c in checkpoints.of_cohort(session, claimed.id, "weights")] == ["w"]


def test_no_flush_is_due_before_something_came_and_none_too_soon_after_another(
    claim, record, monkeypatch
):
    monkeypatch.setattr(recorder_module, "FLUSH_EVERY_S", 3600.0)
    recorder = record(claim())
    assert recorder.due_in() == float("inf")
    recorder.take(epoch(1))
    assert recorder.due_in() == 0
    recorder.flush()
    recorder.take(epoch(2))
    assert 0 < recorder.due_in() <= 3600


def test_a_thousand_epochs_at_once_are_as_many_statements_as_one(database, claim, record):
    claimed = claim()
    with database.write() as session:
        session.get(Cohort, claimed.id).epochs = 1000
    recorder = record(claimed)
    recorder.take(epoch(1))
    one = statements(database, recorder.flush)
    for number in range(2, 1001):
        recorder.take(epoch(number))
    assert statements(database, recorder.flush) <= one
    assert len(metrics_of(database, claimed)) == 1000
