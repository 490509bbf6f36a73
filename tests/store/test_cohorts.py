from __future__ import annotations

import multiprocessing
import threading

import pytest
from sqlalchemy import text

from core.store import cohorts, events, jobs, runs
from core.store.session import Database

from core.store.cohorts import StaleFence  # isort: skip
from tests.waiting import PATIENCE_S


def claim(database, worker="w1", devices=("auto",), lease_s=30):
    with database.write() as session:
        return cohorts.claim_next(session, worker, devices, lease_s)


def job_of(database, job_id):
    with database.read() as session:
        return jobs.get_job(session, job_id)


def run_statuses(database, job_id):
    with database.read() as session:
        return runs.count_by_status(session, job_id)


def test_a_claim_starts_the_job_and_its_runs(database, insert):
    job = insert(4, cut=2)
    held = claim(database)
    assert (held.job_id, held.ordinal, held.fence, held.attempt) == (job.id, 0, 1, 1)
    assert (held.rows, held.epochs, held.facts["task"]) == (2, 10, "classification")
    assert job_of(database, job.id).status == "running"
    assert job_of(database, job.id).started_at is not None
    assert run_statuses(database, job.id) == {"queued": 2, "running": 2}
    with database.read() as session:
        assert [run.row for run in runs.of_cohort(session, held.id)] == [0, 1]


def test_claims_go_by_priority_then_age_then_place(database, insert):
    first, urgent = insert(2, cut=1), insert(1, cut=1, priority=9)
    held = [claim(database) for _ in range(4)]
    assert [(h.job_id, h.ordinal) for h in held[:3]] == [
        (urgent.id, 0),
        (first.id, 0),
        (first.id, 1),
    ]
    assert held[3] is None


def test_a_worker_takes_only_its_device_classes(database, insert):
    insert(1, cut=1, device="cuda")
    assert claim(database, devices=["auto", "cpu"]) is None
    assert claim(database, devices=["auto", "cuda"]).device == "cuda"


def test_planning_twice_writes_once(database, insert):
    job = insert(4, cut=2)
    with database.write() as session:
        assert cohorts.insert_planned(session, job.id, [cohorts.NewCohort(["x"], 1)]) == []


def test_threads_that_claim_at_once_share_nothing(database, insert):
    insert(12, cut=1)
    won = []

    def work(name):
        while (held := claim(database, name)) is not None:
            won.append(held.id)

    threads = [threading.Thread(target=work, args=(f"w{i}",)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(won) == 12
    assert len(set(won)) == 12


def test_of_two_processes_that_claim_one_cohort_one_wins(database_url, database, insert):
    insert(1, cut=1)
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(2), context.Queue()
    racers = [
        context.Process(target=_race, args=(database_url, barrier, answers)) for _ in range(2)
    ]
    for racer in racers:
        racer.start()
    got = sorted(answers.get(timeout=PATIENCE_S) for _ in racers)
    for racer in racers:
        racer.join(PATIENCE_S)
    assert got == [0, 1]


def _race(url, barrier, answers):
    database = Database(url)
    database.now()
    barrier.wait(PATIENCE_S)
    answers.put(0 if claim(database) is None else 1)
    database.dispose()


def test_a_lease_that_ran_out_is_claimed_again_with_a_higher_fence(database, insert):
    job = insert(2, cut=2)
    lost = claim(database, lease_s=-1)
    with database.write() as session:
        assert cohorts.sweep_expired(session) == [(lost.id, "queued")]
        assert cohorts.sweep_expired(session) == []
    assert run_statuses(database, job.id) == {"queued": 2}
    held = claim(database, "w2")
    assert (held.id, held.fence, held.attempt) == (lost.id, lost.fence + 1, 2)


def test_a_living_lease_is_left_alone_and_prolonged_by_heartbeats(database, insert):
    insert(2, cut=2)
    held = claim(database, lease_s=-1)
    with database.write() as session:
        assert cohorts.heartbeat(session, held.id, held.fence, 30) == "run"
        assert cohorts.sweep_expired(session) == []


def test_a_stale_fence_writes_nothing(database, insert):
    job = insert(2, cut=2)
    lost = claim(database, lease_s=-1)
    with database.write() as session:
        cohorts.sweep_expired(session)
    for _ in range(2):  # while it waits again, and while another holds it
        before = _dump(database)
        for write in (
            lambda s: cohorts.release(s, lost.id, lost.fence),
            lambda s: cohorts.fail_attempt(s, lost.id, lost.fence, "oom_host", "x"),
            lambda s: cohorts.finish(s, lost.id, lost.fence),
            lambda s: cohorts.advance(s, lost.id, lost.fence, 5),
            lambda s: runs.record(s, lost.id, lost.fence, []),
            lambda s: events.append(
                s, job.id, "metrics", {}, cohort_id=lost.id, fence=lost.fence, epoch=1
            ),
        ):
            with pytest.raises(StaleFence), database.write() as session:
                write(session)
        with database.write() as session:
            assert cohorts.heartbeat(session, lost.id, lost.fence, 30) is None
        assert _dump(database) == before
        claim(database, "w2")


def _dump(database):
    with database.read() as session:
        tables = ("jobs", "cohorts", "runs", "events", "checkpoints")
        return [session.execute(text(f"SELECT * FROM {t} ORDER BY 1, 2")).all() for t in tables]


def test_attempts_are_bounded_and_the_failure_has_a_name(database, insert):
    job = insert(2, cut=2)
    for place in ("queued", "queued", "failed"):
        claim(database, lease_s=-1)
        with database.write() as session:
            assert cohorts.sweep_expired(session, attempts_max=3)[0][1] == place
    failed = job_of(database, job.id)
    assert (failed.status, failed.error["code"], failed.runs_done) == ("failed", "worker_lost", 2)
    assert "w1" in failed.error["detail"]
    assert run_statuses(database, job.id) == {"failed": 2}


def test_a_failure_not_worth_retrying_is_final_at_once(database, insert):
    job = insert(2, cut=2)
    held = claim(database)
    with database.write() as session:
        place = cohorts.fail_attempt(
            session, held.id, held.fence, "dataset_changed", "It is gone.", retry=False
        )
    assert place == "failed"
    assert job_of(database, job.id).error["code"] == "dataset_changed"


def test_a_cohort_given_back_unharmed_keeps_its_attempts(database, insert):
    insert(2, cut=2)
    for fence in (1, 2, 3, 4, 5):
        held = claim(database)
        assert (held.attempt, held.fence) == (1, fence)
        with database.write() as session:
            assert cohorts.release(session, held.id, held.fence) == "queued"


def test_a_job_succeeds_when_its_last_cohort_does(database, insert):
    job = insert(4, cut=2)
    for expected in ("running", "succeeded"):
        held = claim(database)
        with database.write() as session:
            assert cohorts.finish(session, held.id, held.fence).status == expected
    done = job_of(database, job.id)
    assert (done.runs_done, done.epochs_done, done.epochs_total) == (4, 40, 40)
    assert done.finished_at >= done.started_at
    assert run_statuses(database, job.id) == {"succeeded": 4}


def test_one_failed_cohort_fails_the_job_after_the_others_have_ended(database, insert):
    job = insert(4, cut=2)
    first, second = claim(database), claim(database)
    with database.write() as session:
        cohorts.fail_attempt(session, first.id, first.fence, "oom_host", "16 GiB", retry=False)
    assert job_of(database, job.id).status == "running"
    with database.write() as session:
        assert cohorts.finish(session, second.id, second.fence).status == "failed"
    assert job_of(database, job.id).error["code"] == "oom_host"


def test_a_job_whose_every_run_diverged_fails_by_that_name(database, insert):
    job = insert(2, cut=2)
    held = claim(database)
    with database.write() as session:
        ids = [run.id for run in runs.of_cohort(session, held.id)]
        runs.record(
            session, held.id, held.fence, [runs.RunUpdate(run, status="failed") for run in ids]
        )
        assert cohorts.finish(session, held.id, held.fence).status == "failed"
    assert job_of(database, job.id).error["code"] == "diverged"


def test_a_cancel_that_comes_after_the_last_finish_loses(database, insert):
    job = insert(2, cut=2)
    held = claim(database)
    with database.write() as session:
        jobs.request_cancel(session, job.id)
    with database.write() as session:
        assert cohorts.finish(session, held.id, held.fence, "succeeded").status == "succeeded"


def test_a_lost_cohort_of_a_cancelled_job_is_not_tried_again(database, insert):
    job = insert(2, cut=2)
    held = claim(database, lease_s=-1)
    with database.write() as session:
        jobs.request_cancel(session, job.id)
        assert cohorts.sweep_expired(session) == [(held.id, "cancelled")]
    assert job_of(database, job.id).status == "cancelled"


def test_a_cohort_planned_while_its_job_was_cancelled_is_never_trained(database, insert):
    job = insert(2, cut=2)
    with database.write() as session:  # what the planner's commit after the verb's look leaves
        session.execute(text("UPDATE jobs SET wanted = 'cancel'"))
    assert claim(database) is None
    assert job_of(database, job.id).status == "cancelled"


def test_progress_never_counts_an_epoch_twice(database, insert):
    job = insert(2, cut=2)
    held = claim(database)
    for done, expected in ((6, 6), (4, 6), (6, 6), (99, 20)):
        with database.write() as session:
            cohorts.advance(session, held.id, held.fence, done)
        assert job_of(database, job.id).epochs_done == expected


def test_verbs_and_workers_that_race_agree_in_the_end(database, insert):
    job_ids = [insert(6, cut=1).id for _ in range(3)]
    errors = []

    def guarded(work):
        try:
            work()
        except Exception as error:
            errors.append(error)

    def train():
        while (held := claim(database)) is not None:
            with database.write() as session:
                wanted = cohorts.heartbeat(session, held.id, held.fence, 30)
                ended = "cancelled" if wanted == "cancel" else "succeeded"
                cohorts.finish(session, held.id, held.fence, ended)

    def cancel():
        for job_id in job_ids:
            with database.write() as session:
                if jobs.get_job(session, job_id).finished_at is None:
                    jobs.request_cancel(session, job_id)

    threads = [threading.Thread(target=guarded, args=(w,)) for w in (train, train, cancel)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert [e for e in errors if type(e).__name__ != "Conflict"] == []
    for job_id in job_ids:
        job = job_of(database, job_id)
        assert job.status in ("succeeded", "cancelled")
        assert job.runs_done == 6
