"""Cancel, pause and resume of what is being trained, and deadlines."""

from __future__ import annotations

import pytest

from tests.waiting import until

pytestmark = pytest.mark.slow


def test_a_running_job_is_cancelled_and_its_trainer_stays_warm(steady):
    (worker,) = steady.workers
    job_id = steady.submit(epochs=100_000)
    steady.checkpointed(job_id)
    trainer = steady.trainer_of(worker)
    steady.cancel(job_id)
    assert steady.ends(job_id).status == "cancelled"
    assert {run.status for run in steady.runs(job_id)} == {"cancelled"}
    assert {kept.kind for kept in steady.checkpoints(job_id)} == {"weights", "rows"}
    written = len(steady.metrics(job_id))
    assert steady.ends(steady.submit(epochs=2)).status == "succeeded"
    assert steady.trainer_of(worker) == trainer
    assert len(steady.metrics(job_id)) == written


def test_a_paused_job_goes_on_where_it_stopped(steady, undisturbed):
    job_id = steady.submit()
    steady.checkpointed(job_id)
    steady.pause(job_id)
    until(lambda: steady.job(job_id).status == "paused")
    cohort = steady.cohort(job_id)
    assert (cohort.status, cohort.attempts) == ("paused", 0)
    written = len(steady.metrics(job_id))
    assert steady.ends(steady.submit(epochs=2)).status == "succeeded"
    assert len(steady.metrics(job_id)) == written, "a paused job does not train"
    steady.resume(job_id)
    assert steady.ends(job_id).status == "succeeded"
    assert (steady.metrics(job_id), steady.weights(job_id)) == undisturbed


def test_a_job_past_its_deadline_fails_by_name(steady):
    job_id = steady.submit(epochs=100_000, deadline_s=2.0)
    job = steady.ends(job_id)
    assert (job.status, job.error["code"]) == ("failed", "deadline")
