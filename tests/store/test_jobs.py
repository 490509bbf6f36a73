from __future__ import annotations

import pytest
from sqlalchemy import text

from core.errors import Conflict, NotFound
from core.spec.job import DEADLINE_S_MAX
from core.store import checkpoints, cohorts, events, jobs, outbox, runs
from core.store.models import Outbox


def claim(database, worker="w1"):
    with database.write() as session:
        return cohorts.claim_next(session, worker, ["auto"], 30)


def job_of(database, job):
    with database.read() as session:
        return jobs.get_job(session, job.id)


def statuses(database, job):
    with database.read() as session:
        return [event.data for event in events.read_after(session, job.id, types=["status"])]


def test_a_new_job_is_queued_with_its_runs_counters_and_first_event(database, insert):
    job = insert(3, name="x", priority=9)
    assert job.id.startswith("job_")
    assert (job.status, job.name, job.rank, job.wanted) == ("queued", "x", 0, "run")
    assert (job.runs_total, job.epochs_total, job.runs_done, job.epochs_done) == (3, 30, 0, 0)
    assert job.created_at.utcoffset().total_seconds() == 0
    assert statuses(database, job) == ['{"status":"queued"}']
    with database.read() as session:
        assert [run.seed for run in runs.of_job(session, job.id)] == [0, 1, 2]


def test_a_new_job_owes_one_wake_up(database, insert):
    job = insert()
    rung = []
    assert outbox.relay(database, lambda *words: rung.append(words)) == 1
    assert rung == [("plan", job.id, "auto")]
    assert outbox.relay(database, lambda *words: rung.append(words)) == 0


def test_a_ring_that_fails_leaves_its_wake_up(database, insert):
    insert()

    def down(*words):
        raise ConnectionError

    with pytest.raises(ConnectionError):
        outbox.relay(database, down)
    with database.read() as session:
        assert session.query(Outbox).count() == 1


def test_a_job_that_is_not_there_is_not_found(database):
    with database.read() as session, pytest.raises(NotFound, match="job_nope"):
        jobs.get_job(session, "job_nope")


def test_pages_are_newest_first_and_miss_nothing(database, insert):
    made = [insert(1, name="odd" if i % 2 else "even").id for i in range(7)]
    seen, after = [], None
    with database.read() as session:
        while page := jobs.list_jobs(session, limit=3, after=after):
            seen += [job.id for job in page]
            after = (page[-1].created_at, page[-1].id)
        assert seen == made[::-1]
        named = jobs.list_jobs(session, name="odd")
        assert [job.id for job in named] == [made[5], made[3], made[1]]
        assert jobs.list_jobs(session, status="running") == []


def test_a_waiting_job_is_cancelled_at_once(database, insert):
    for job in (insert(), insert(cut=2)):
        with database.write() as session:
            cancelled = jobs.request_cancel(session, job.id)
        assert (cancelled.status, cancelled.runs_done) == ("cancelled", 4)
        assert cancelled.finished_at is not None
        with database.read() as session:
            assert runs.count_by_status(session, job.id) == {"cancelled": 4}
    assert claim(database) is None


def test_a_final_job_refuses_every_verb(database, insert):
    job = insert()
    with database.write() as session:
        jobs.request_cancel(session, job.id)
    before = job_of(database, job)
    for verb in (jobs.request_cancel, jobs.request_pause, jobs.request_resume):
        with pytest.raises(Conflict, match="is cancelled, which is final"), database.write() as s:
            verb(s, job.id)
    assert job_of(database, job).version == before.version


def test_cancelling_a_running_job_waits_for_its_holder(database, insert):
    job = insert(cut=2)
    held = claim(database)
    with database.write() as session:
        assert jobs.request_cancel(session, job.id).status == "running"
        again = jobs.request_cancel(session, job.id)
        assert (again.status, again.wanted) == ("running", "cancel")
    with database.write() as session:
        assert cohorts.heartbeat(session, held.id, held.fence, 30) == "cancel"
        assert cohorts.finish(session, held.id, held.fence, "cancelled").status == "cancelled"
    assert job_of(database, job).runs_done == 4


def test_pausing_a_waiting_job_hides_it_until_resumed(database, insert):
    for job in (insert(), insert(cut=2)):
        with database.write() as session:
            assert jobs.request_pause(session, job.id).status == "paused"
            assert jobs.request_pause(session, job.id).status == "paused"
    assert claim(database) is None
    with database.write() as session:
        assert jobs.claim_planning(session, "w1", 30) is None
        assert jobs.request_resume(session, job.id).status == "queued"
    assert claim(database).job_id == job.id


def test_pausing_a_running_job_waits_for_its_release(database, insert):
    job = insert(cut=4)
    held = claim(database)
    with database.write() as session:
        assert jobs.request_pause(session, job.id).status == "running"
    with database.write() as session:
        assert cohorts.heartbeat(session, held.id, held.fence, 30) == "pause"
        assert cohorts.release(session, held.id, held.fence) == "paused"
    assert job_of(database, job).status == "paused"
    with database.write() as session:
        jobs.request_resume(session, job.id)
    assert claim(database).attempt == 1
    assert [word.split('"')[3] for word in statuses(database, job)] == [
        "queued",
        "running",
        "paused",
        "queued",
        "running",
    ]


def test_a_pause_taken_back_before_it_was_heard_changes_nothing(database, insert):
    job = insert(cut=4)
    held = claim(database)
    with database.write() as session:
        jobs.request_pause(session, job.id)
        assert jobs.request_resume(session, job.id).status == "running"
        assert cohorts.heartbeat(session, held.id, held.fence, 30) == "run"


def test_a_job_being_cancelled_is_neither_paused_nor_resumed(database, insert):
    job = insert(cut=4)
    claim(database)
    with database.write() as session:
        jobs.request_cancel(session, job.id)
    for verb in (jobs.request_pause, jobs.request_resume):
        with pytest.raises(Conflict, match="being cancelled"), database.write() as session:
            verb(session, job.id)


def test_planning_is_claimed_once_and_again_when_the_planner_is_lost(database, insert):
    job = insert()
    with database.write() as session:
        assert jobs.claim_planning(session, "w1", 30).id == job.id
        assert jobs.claim_planning(session, "w2", 30) is None
        session.execute(text("UPDATE jobs SET planner_until = created_at"))
        assert jobs.claim_planning(session, "w2", -1).planner_id == "w2"


def test_a_job_that_loses_every_planner_fails_by_name(database, insert):
    job = insert()
    for _ in range(3):
        with database.write() as session:
            assert jobs.claim_planning(session, "w1", -1) is not None
    with database.write() as session:
        assert jobs.claim_planning(session, "w1", -1) is None
    failed = job_of(database, job)
    assert (failed.status, failed.error["code"]) == ("failed", "worker_lost")
    assert failed.runs_done == 4


def test_planning_goes_by_priority_then_age(database, insert):
    later, sooner, urgent = insert(1), insert(1), insert(1, priority=8)
    with database.write() as session:
        order = [jobs.claim_planning(session, "w1", 30).id for _ in range(3)]
    assert order == [urgent.id, later.id, sooner.id]


def test_a_deadline_fails_what_waits_at_once_and_what_runs_when_it_stops(database, insert):
    waiting, running = insert(deadline_s=-1), insert(cut=4, deadline_s=-1)
    held = claim(database)
    with database.write() as session:
        assert set(jobs.sweep_deadlines(session)) == {waiting.id, running.id}
        assert jobs.sweep_deadlines(session) == []
    assert job_of(database, waiting).error["code"] == "deadline"
    assert job_of(database, running).status == "running"
    with database.write() as session:
        cohorts.finish(session, held.id, held.fence, "cancelled")
    assert job_of(database, running).status == "failed"
    assert job_of(database, running).error["code"] == "deadline"


@pytest.mark.parametrize("deadline_s", [DEADLINE_S_MAX, 1e-300])
def test_the_longest_and_shortest_deadlines_count_from_submission(database, insert, deadline_s):
    job = job_of(database, insert(deadline_s=deadline_s))
    assert (job.deadline_at - job.created_at).total_seconds() == pytest.approx(deadline_s, abs=0.1)


def test_deleting_takes_everything_below_and_names_the_artifacts(database, insert):
    job = insert(cut=4)
    held = claim(database)
    with database.write() as session:
        checkpoints.insert_checkpoint(
            session, held.id, held.fence, epoch=1, kind="resume", key="k", sha256="s", size_bytes=3
        )
    with pytest.raises(Conflict, match="is running"), database.write() as session:
        jobs.delete_job(session, job.id)
    with database.write() as session:
        cohorts.finish(session, held.id, held.fence)
    with database.write() as session:
        assert jobs.delete_job(session, job.id) == ["k"]
    with database.read() as session:
        for table in ("jobs", "runs", "cohorts", "events", "checkpoints"):
            assert session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one() == 0


def test_a_version_rises_with_every_change(database, insert):
    job = insert(cut=4)
    with database.read() as session:
        (before,) = jobs.get_versions(session, [job.id, "job_gone"])
    claim(database)
    with database.read() as session:
        (after,) = jobs.get_versions(session, [job.id])
    assert (before.id, before.status, after.status) == (job.id, "queued", "running")
    assert after.version > before.version
    assert after.last_seq > before.last_seq


def test_a_not_a_number_never_enters_a_document(database, insert):
    with pytest.raises(Exception, match="Out of range float values"):
        insert(1, oddity=float("nan"))
