"""The worker's main process, ended in every way."""

from __future__ import annotations

import os
import signal

import pytest

from tests.waiting import is_alive, until

pytestmark = pytest.mark.slow


def same_as(undisturbed, house, job_id):
    metrics, weights = undisturbed
    found = house.metrics(job_id)
    assert [row["epoch"] for row in found] == [row["epoch"] for row in metrics]
    assert found == metrics
    assert house.weights(job_id) == weights


def test_a_killed_workers_cohort_is_resumed_bit_for_bit_by_another(house, undisturbed):
    first = house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    trainer = house.trainer_of(first)
    first.kill()
    first.wait()
    until(lambda: not is_alive(trainer))  # an orphan would train on beside its successor
    house.start()
    job = house.ends(job_id)
    assert job.status == "succeeded"
    assert job.epochs_done == job.epochs_total
    assert house.cohort(job_id).attempts == 2
    same_as(undisturbed, house, job_id)


def test_a_terminated_worker_gives_its_cohort_back_and_no_attempt_is_counted(house, undisturbed):
    first = house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    first.terminate()
    assert first.wait(30) == 0
    cohort = house.cohort(job_id)
    assert (cohort.status, cohort.attempts, cohort.worker_id) == ("queued", 0, None)
    saved = house.checkpoints(job_id)[0].epoch
    assert saved == house.metrics(job_id)[-1]["epoch"], "nothing that was trained is trained again"
    house.start()
    assert house.ends(job_id).status == "succeeded"
    same_as(undisturbed, house, job_id)


def test_a_worker_stopped_past_its_lease_writes_nothing_when_it_wakes(house, undisturbed):
    first = house.start()
    second = house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    holder = first if "cohort claimed" in house.log(first) else second
    house.stop_between_transactions(holder.pid, job_id)
    fence = house.cohort(job_id).fence
    until(lambda: house.cohort(job_id).fence > fence)
    os.kill(holder.pid, signal.SIGCONT)
    assert house.ends(job_id).status == "succeeded"
    until(lambda: "cohort lost" in house.log(holder))
    same_as(undisturbed, house, job_id)
