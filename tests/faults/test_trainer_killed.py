"""The trainer child: killed, crashing, hanging."""

from __future__ import annotations

import os
import signal

import pytest

from tests.waiting import is_alive, until

pytestmark = pytest.mark.slow


def test_a_killed_trainer_costs_one_attempt_and_no_epoch(steady, undisturbed):
    (worker,) = steady.workers
    job_id = steady.submit()
    steady.checkpointed(job_id)
    os.kill(steady.trainer_of(worker), signal.SIGKILL)
    assert steady.ends(job_id).status == "succeeded"
    assert worker.poll() is None
    assert steady.cohort(job_id).attempts == 2
    assert "attempt_failed" in steady.said(job_id)
    assert (steady.metrics(job_id), steady.weights(job_id)) == undisturbed


def test_a_trainer_that_always_crashes_fails_the_job_by_name(steady):
    (worker,) = steady.workers
    job_id = steady.submit(epochs=100_000)
    for attempt in (1, 2, 3):
        until(lambda n=attempt: steady.trained_in(job_id, n))
        os.kill(steady.trainer_of(worker), signal.SIGSEGV)
        until(lambda n=attempt: steady.said(job_id).count("attempt_failed") == n)
    job = steady.ends(job_id)
    assert job.status == "failed"
    assert job.error["code"] == "trainer_crashed"
    assert "SIGSEGV" in job.error["detail"]
    assert {run.status for run in steady.runs(job_id)} == {"failed"}
    assert steady.checkpoints(job_id) == []
    other = steady.submit(epochs=2)
    assert steady.ends(other).status == "succeeded"


def test_a_trainer_that_does_not_react_is_ended_when_its_job_is_cancelled(steady):
    (worker,) = steady.workers
    job_id = steady.submit(epochs=100_000)
    steady.checkpointed(job_id)
    trainer = steady.trainer_of(worker)
    os.kill(trainer, signal.SIGSTOP)
    steady.cancel(job_id)
    assert steady.ends(job_id).status == "cancelled"
    assert not is_alive(trainer)
