"""The real trainer child, spoken to as the worker does."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import astuple
from pathlib import Path

import pytest

from core.datasets import facts_of
from core.rows import read_rows
from core.spec import Limits, resolve, runs_of
from core.store.artifacts import Artifacts
from tests.waiting import PATIENCE_S, is_alive, until
from worker.child import Child
from worker.order import Artifact, Order, Saved
from worker.trainer import threads

ROOT = Path(__file__).parents[2]
BODY = {
    "dataset": "iris",
    "architecture": "linear",
    "loss": "cross_entropy",
    "regularizers": [{"kind": "l2", "lambda": {"values": [0.0, 0.1]}}],
    "epochs": 4,
    "folds": 1,
    "seeds": 2,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("trainer")


@pytest.fixture(scope="module")
def child(folder):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OCCAM_ARTIFACTS_URL", (folder / "artifacts").as_uri())
        patch.setenv("OCCAM_DATA_DIR", str(folder))
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.chdir(ROOT)
        child = Child()
    ready = child.receive(100)
    assert ready == {"event": "ready", "device": ready["device"]}
    yield child
    child.stop()


numbers = iter(range(1, 100))


def order(**changes):
    body = {**BODY, **changes.pop("body", {})}
    found = resolve(body, lambda source: facts_of(source, None), Limits())
    words = {
        "order": next(numbers),
        "cohort": "coh_1",
        "document": found.document,
        "members": tuple((arm, setting, *astuple(at)) for arm, setting, at in runs_of(found)),
        "prefix": "jobs/job_1/coh_1/1",
        "checkpoints": (),
        "dataset_sha256": found.facts.sha256,
        "uploads": {},
        "device": "cpu",
        "checkpoint_every_s": 0.0,
        "rows_bytes_max": 2**20,
        **changes,
    }
    return Order(**words)


def carry_out(child, wanted):
    child.send(wanted.message())
    messages = []
    while not messages or messages[-1]["event"] not in ("finished", "stopped", "failed"):
        message = child.receive(60)
        assert message is not None
        assert message["order"] == wanted.order
        messages.append(message)
    return messages


def test_an_order_gives_epochs_checkpoints_endings_and_weights(child, folder):
    wanted = order()
    messages = carry_out(child, wanted)
    assert [m["epoch"] for m in messages if m["event"] == "epoch"] == [1, 2, 3, 4]
    assert [m["row"] for m in messages if m["event"] == "ended"] == [0, 1, 2, 3]
    last = messages[-1]
    assert last["event"] == "finished"
    assert len(last["final"]["test_accuracy"]) == 4
    artifacts = Artifacts((folder / "artifacts").as_uri())
    saved = [m for m in messages if "key" in m]
    assert [m["event"] for m in saved] == ["checkpoint", "checkpoint", "checkpoint", "finished"]
    for message in [*saved, last["rows"]]:
        with artifacts.local(message["key"], sha256=message["sha256"]) as path:
            assert path.stat().st_size == message["bytes"]


def test_rows_lie_beside_the_weights_and_give_the_final_scores(child, folder):
    wanted = order(prefix="jobs/job_1/coh_1/7")
    last = carry_out(child, wanted)[-1]
    assert last["rows"]["key"] == wanted.rows_key == "jobs/job_1/coh_1/7/rows.safetensors"
    artifacts = Artifacts((folder / "artifacts").as_uri())
    with artifacts.local(wanted.rows_key, sha256=last["rows"]["sha256"]) as path:
        found = read_rows(path, [3, 0])
    means = found.row["accuracy"].mean(1)
    accuracy = last["final"]["test_accuracy"]
    assert means.tolist() == pytest.approx([accuracy[3], accuracy[0]], rel=1e-6)


def test_without_room_for_rows_there_are_none_and_all_else_is_there(child):
    last = carry_out(child, order(rows_bytes_max=1))[-1]
    assert last["event"] == "finished"
    assert last["rows"] is None
    assert len(last["final"]["test_accuracy"]) == 4


def test_resuming_from_a_checkpoint_gives_the_same_epochs_and_weights(child):
    whole = carry_out(child, order())
    saved = next(m for m in whole if m["event"] == "checkpoint" and m["epoch"] == 2)
    again = carry_out(
        child, order(checkpoints=(Saved(saved["key"], saved["sha256"], 2),), prefix="jobs/j/c/2")
    )

    def epochs(messages):
        found = {m["epoch"]: m["metrics"] for m in messages if m["event"] == "epoch"}
        return {n: {k: v for k, v in found[n].items() if k != "epoch_s"} for n in found}

    assert epochs(again) == {n: epochs(whole)[n] for n in (3, 4)}
    assert again[-1]["sha256"] == whole[-1]["sha256"]
    assert again[-1]["rows"]["sha256"] == whole[-1]["rows"]["sha256"]


def test_it_stops_when_asked_and_then_takes_the_next_order(child):
    wanted = order(body={"epochs": 100_000}, checkpoint_every_s=1e9)
    child.send(wanted.message())
    assert child.receive(60)["event"] == "epoch"
    child.send({"order": wanted.order, "wish": "pause"})
    while (message := child.receive(60))["event"] == "epoch":
        pass
    assert message["event"] == "checkpoint"
    assert child.receive(60)["event"] == "stopped"
    assert carry_out(child, order())[-1]["event"] == "finished"


def test_a_wish_meant_for_an_earlier_order_is_not_obeyed(child):
    wanted = order()
    child.send({"order": wanted.order - 1, "wish": "cancel"})
    assert carry_out(child, wanted)[-1]["event"] == "finished"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"dataset_sha256": "0" * 64}, "dataset_changed"),
        ({"members": (("no such arm", {}, 0, 0, None, None),)}, "internal"),
    ],
)
def test_what_goes_wrong_has_a_name_and_the_child_lives_on(child, changes, reason):
    last = carry_out(child, order(**changes))[-1]
    assert (last["event"], last["reason"]) == ("failed", reason)
    assert child.is_alive()


@pytest.mark.parametrize("uploads", [{}, {"ds_1": Artifact("datasets/ds_1", "0" * 64)}])
def test_an_upload_that_is_gone_is_a_changed_dataset(child, uploads):
    wanted = order(uploads=uploads)
    document = {**wanted.document, "dataset": {"kind": "upload", "id": "ds_1"}}
    message = {**wanted.message(), "document": document}
    child.send(message)
    last = child.receive(60)
    assert (last["event"], last["reason"]) == ("failed", "dataset_changed")


def test_what_a_library_prints_does_not_disturb_the_messages(tmp_path):
    program = (
        "import os, sys\n"
        "from worker.parent import Parent\n"
        "parent = Parent(os.getppid())\n"
        "print('from python'); sys.stdout.flush(); os.system('echo from a process')\n"
        "parent.say({'event': 'ready'})\n"
        "parent.next_order()"
    )
    child = Child([sys.executable, "-c", program])
    assert child.receive(PATIENCE_S) == {"event": "ready"}
    assert child.receive(0.3) is None
    child.stop(0.1)


def test_it_ends_when_its_worker_is_gone(tmp_path):
    program = (
        "import time\n"
        "from worker.child import Child\n"
        "child = Child(); print(child.pid, flush=True); time.sleep(600)"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "OCCAM_DATA_DIR": str(tmp_path)},
    )
    assert worker.stdout is not None
    pid = int(worker.stdout.readline())
    worker.kill()
    worker.wait()
    worker.stdout.close()
    until(lambda: not is_alive(pid))


@pytest.mark.parametrize(
    ("cores", "asked", "expected"),
    [(1, "", 1), (2, "", 2), (8, "", 8), (8, "3", 3), (8, "8", 8), (8, "64", 8), (8, "no", 8)],
)
def test_all_cores_are_used_unless_fewer_are_asked_for_and_never_more_than_there_are(
    monkeypatch, cores, asked, expected
):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert threads() == expected
