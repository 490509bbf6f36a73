"""Cancel, pause and resume of what is being trained, and deadlines."""

from __future__ import annotations

import time

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def test_a_running_job_is_cancelled_within_two_seconds_and_its_trainer_stays_warm(house, until):
    worker = house.start()
    job_id = house.submit(epochs=100_000)
    house.checkpointed(job_id)
    trainer = house.trainer_of(worker)
    house.cancel(job_id)
    asked = time.monotonic()
    assert house.ends(job_id).status == "cancelled"
    assert time.monotonic() - asked < 2
    assert {run.status for run in house.runs(job_id)} == {"cancelled"}
    assert [kept.kind for kept in house.checkpoints(job_id)] == ["weights"]
    written = len(house.metrics(job_id))
    assert house.ends(house.submit(epochs=2)).status == "succeeded"
    assert house.trainer_of(worker) == trainer
    assert len(house.metrics(job_id)) == written


def test_a_paused_job_goes_on_where_it_stopped(house, undisturbed, until):
    house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    house.pause(job_id)
    until(lambda: house.job(job_id).status == "paused")
    cohort = house.cohort(job_id)
    assert (cohort.status, cohort.attempts) == ("paused", 0)
    written = len(house.metrics(job_id))
    assert house.ends(house.submit(epochs=2)).status == "succeeded"
    assert len(house.metrics(job_id)) == written, "a paused job does not train"
    house.resume(job_id)
    assert house.ends(job_id).status == "succeeded"
    assert (house.metrics(job_id), house.weights(job_id)) == undisturbed


def test_a_job_past_its_deadline_fails_by_name(house):
    house.start()
    job_id = house.submit(epochs=100_000, deadline_s=2.0)
    job = house.ends(job_id)
    assert (job.status, job.error["code"]) == ("failed", "deadline")
