"""The trainer child: killed, crashing, hanging."""

from __future__ import annotations

import os
import signal

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def test_a_killed_trainer_costs_one_attempt_and_no_epoch(house, undisturbed, is_alive):
    worker = house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    os.kill(house.trainer_of(worker), signal.SIGKILL)
    assert house.ends(job_id).status == "succeeded"
    assert worker.poll() is None
    assert house.cohort(job_id).attempts == 2
    assert "attempt_failed" in house.said(job_id)
    assert (house.metrics(job_id), house.weights(job_id)) == undisturbed


def test_a_trainer_that_always_crashes_fails_the_job_by_name(house, until):
    worker = house.start()
    job_id = house.submit(epochs=100_000)
    for attempt in (1, 2, 3):
        until(lambda n=attempt: house.trained_in(job_id, n))
        os.kill(house.trainer_of(worker), signal.SIGSEGV)
        until(lambda n=attempt: house.said(job_id).count("attempt_failed") == n)
    job = house.ends(job_id)
    assert job.status == "failed"
    assert job.error["code"] == "trainer_crashed"
    assert "SIGSEGV" in job.error["detail"]
    assert {run.status for run in house.runs(job_id)} == {"failed"}
    assert house.checkpoints(job_id) == []
    other = house.submit(epochs=2)
    assert house.ends(other).status == "succeeded"


def test_a_trainer_that_does_not_react_is_ended_when_its_job_is_cancelled(house, until, is_alive):
    worker = house.start(OCCAM_CANCEL_GRACE_S="1")
    job_id = house.submit(epochs=100_000)
    house.checkpointed(job_id)
    trainer = house.trainer_of(worker)
    os.kill(trainer, signal.SIGSTOP)
    house.cancel(job_id)
    assert house.ends(job_id).status == "cancelled"
    assert not is_alive(trainer)
