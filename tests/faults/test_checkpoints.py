"""Checkpoints: torn, and without room."""

from __future__ import annotations

import resource

import pytest

from tests.waiting import until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("database_url", ["sqlite"], indirect=True),
]


def artifact(house, checkpoint):
    return house.data_dir / "artifacts" / checkpoint.key


def test_a_torn_checkpoint_gives_way_to_the_one_before(house, undisturbed):
    first = house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    first.kill()
    first.wait()
    newest, before = house.checkpoints(job_id)[:2]
    artifact(house, newest).write_bytes(artifact(house, newest).read_bytes()[:1000])
    house.start()
    assert house.ends(job_id).status == "succeeded"
    assert house.said(job_id).count("checkpoint_torn") == 1
    assert (house.metrics(job_id), house.weights(job_id)) == undisturbed
    assert before.epoch < newest.epoch


def test_without_any_whole_checkpoint_training_begins_anew_and_repeats_no_epoch(house, undisturbed):
    first = house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    first.kill()
    first.wait()
    for checkpoint in house.checkpoints(job_id):
        artifact(house, checkpoint).unlink()
    house.start()
    assert house.ends(job_id).status == "succeeded"
    assert (house.metrics(job_id), house.weights(job_id)) == undisturbed


def test_superseded_checkpoints_and_leftovers_leave_the_disk(house):
    house.start()
    job_id = house.submit()
    house.checkpointed(job_id)
    left = artifact(house, house.checkpoints(job_id)[0]).with_name(".7.safetensors.0123abcd")
    left.write_bytes(b"half a checkpoint")
    assert house.ends(job_id).status == "succeeded"
    kept = {artifact(house, checkpoint) for checkpoint in house.checkpoints(job_id)}
    assert sorted(path.name for path in kept) == ["rows.safetensors", "weights.safetensors"]
    folder = house.data_dir / "artifacts"
    until(lambda: {p for p in folder.rglob("*") if p.is_file()} == kept)


def test_a_full_disk_skips_checkpoints_and_then_fails_the_job_by_name(house):
    worker = house.start()
    trainer = house.trainer_of(worker)
    resource.prlimit(trainer, resource.RLIMIT_FSIZE, (10_000, 10_000))
    job_id = house.submit()
    job = house.ends(job_id)
    assert (job.status, job.error["code"]) == ("failed", "disk_full")
    assert "checkpoint_skipped" in house.said(job_id)
    assert house.checkpoints(job_id) == []
    assert house.cohort(job_id).attempts == 3
    assert len(house.metrics(job_id)) == 60, "what was trained was recorded, once"
