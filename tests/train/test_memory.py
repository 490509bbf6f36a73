"""When memory runs out, a cohort goes on in halves and says the same."""

from __future__ import annotations

import errno
import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from core.datasets.classification import Classification
from core.train import Epoch, Snapshot, train
from core.train.loop import _start, lanes_for
from core.train.memory import out_of_memory
from core.train.trainer import Trainer
from tests.train.conftest import (
    cohort,
    device,
    experiment,
    finished,
    rows,
    run_of,
    tolerance,
    trained,
)
from worker.attempt import OUT_OF_MEMORY
from worker.failure import reason_of

# 16 runs whose hidden activations take 80 MB each, in a process that may have 1.2 GB more.
LIMITED = """
import json, resource, sys
import torch
torch.set_num_threads(1)
from core.datasets.classification import Classification
from core.train import Epoch, Finished, train
from core.train.trainer import Trainer
from tests.train.conftest import cohort, experiment, run_of

parts = []
start = Trainer.__init__
def counting(self, cohort, dataset, device, parts_=1, lanes=1):
    parts.append(parts_)
    start(self, cohort, dataset, device, parts_, lanes)
Trainer.__init__ = counting

data = Classification(examples=10_000, features=20, informative=10, classes=4).load()
wide = experiment(
    architecture={"kind": "mlp", "hidden": [2000]}, batch_size="full", epochs=2
)
list(train(cohort([run_of(wide, 0)]), data))
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
limit = used + 1_200_000_000
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
parts.clear()
events = list(train(cohort([run_of(wide, 0)] * 16), data))
print(json.dumps({
    "parts": parts,
    "epochs": [e.epoch for e in events if isinstance(e, Epoch)],
    "rows": [len(e.rows) for e in events if isinstance(e, Epoch)],
    "accuracy": events[-1].final["test_accuracy"],
}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")
def test_a_cohort_that_does_not_fit_goes_on_in_halves() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    assert said["parts"][0] == 1
    assert said["parts"][-1] > 1
    assert said["epochs"] == [1, 2]
    assert said["rows"] == [16, 16]
    assert len(set(said["accuracy"])) == 1


# 12 runs whose hidden activations take 10 MB each. From the given epoch's end on the process may
# have no more address space than it has, and a part of what the next epoch asks for.
LATE = """
import json, resource, sys
from pathlib import Path
import torch
torch.set_num_threads(1)
from core.datasets.classification import Classification
from core.train import Epoch, Finished, Snapshot, train
from core.train.block import Block
from tests.train.conftest import cohort, experiment, run_of

folder, starved_at, resumes = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "resumed"
data = Classification(examples=2000, features=20, informative=10, classes=4).load()
wide = experiment(
    architecture={"kind": "mlp", "hidden": [2000]}, batch_size="full", epochs=6,
)
made = cohort([run_of(wide, seed) for seed in range(12)])

trained = []
whole = Block.run_epoch
def counting(self, epoch, *rest):
    done = whole(self, epoch, *rest)
    trained.append((epoch, len(self.rows)))
    return done
Block.run_epoch = counting

def starve():
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 175_000_000,) * 2)

def run(name, starved_at, resume=None):
    trained.clear()
    logged, final = [], None
    for event in train(made, data, snapshot_every_s=0, resume=resume):
        if isinstance(event, Epoch):
            logged.append((event.epoch, event.metrics))
            if event.epoch == starved_at:
                starve()
        elif isinstance(event, Snapshot):
            path = folder / f"{name}-{event.epoch}"
            event.write(path)
            if name != "calm" or event.epoch != 2:
                path.unlink()  # as a worker does, once it is stored
        elif isinstance(event, Finished):
            event.write_weights(folder / f"{name}-weights")
            final = event.final
    return {"logged": logged, "final": final, "trained": list(trained)}

calm = run("calm", 0)
late = run("late", starved_at, folder / "calm-2" if resumes else None)
print(json.dumps({"calm": calm, "late": late}))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS is Linux's")
@pytest.mark.parametrize("start", ["afresh", "resumed"])
def test_memory_that_runs_out_late_costs_the_epochs_since_the_newest_snapshot(
    start, tmp_path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE, str(tmp_path), "4", start],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = json.loads(done.stdout)
    calm, late = said["calm"], said["late"]
    first = 1 if start == "afresh" else 3
    whole = [[epoch, rows] for epoch, rows in late["trained"] if rows == 12]
    assert whole == [[epoch, 12] for epoch in range(first, 5)], "no epoch is trained again"
    assert {epoch for epoch, rows in late["trained"] if rows < 12} == {5, 6}
    assert late["logged"] == calm["logged"][first - 1 :], "said once, and the same to the last bit"
    assert late["final"] == calm["final"]
    one, two = (load_file(tmp_path / f"{name}-weights") for name in ("calm", "late"))
    assert all(np.array_equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize(("parts", "lanes"), [(2, 1), (3, 2), (8, 1), (4, 4)])
def test_taking_turns_or_lanes_changes_nothing(digits, weights, parts, lanes, monkeypatch) -> None:
    stop = [{"kind": "early_stopping", "patience": 1}]
    regularizers = [[], ["l1"], ["l2"], ["dropout"], stop, ["max_norm"], [], ["elastic_net"]]
    made = cohort([run_of(experiment(regularizers=r), i % 2) for i, r in enumerate(regularizers)])
    whole = trained(made, digits)
    before = Trainer.__init__
    monkeypatch.setattr(
        Trainer,
        "__init__",
        lambda self, c, data, device, *_: before(self, c, data, device, parts, lanes),
    )
    turns = trained(made, digits)

    one, two = weights(whole), weights(turns)
    for row in range(len(regularizers)):
        assert abs(rows(one, "reported", row) - rows(two, "reported", row)).max() <= tolerance()
    assert [e.rows for e in whole if isinstance(e, Epoch)] == [
        e.rows for e in turns if isinstance(e, Epoch)
    ]
    assert finished(whole).final.keys() == finished(turns).final.keys()


def test_a_checkpoint_resumes_bit_for_bit_with_other_cores(digits, weights, tmp_path) -> None:
    made = cohort([run_of(experiment(), seed) for seed in range(64)])
    torch.set_num_threads(2)
    assert lanes_for(64, torch.device("cpu"), 2) == 2
    whole = []
    for event in train(made, digits, device=device(), snapshot_every_s=0):
        whole.append(event)
        if isinstance(event, Snapshot) and event.epoch == 2:
            event.write(tmp_path / "two")
    torch.set_num_threads(1)
    resumed = trained(made, digits, resume=tmp_path / "two")

    one, two = weights(whole), weights(resumed)
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_a_checkpoint_of_halves_goes_on_in_halves_that_take_turns(digits, tmp_path) -> None:
    made = cohort([run_of(experiment(), seed) for seed in range(4)])
    halved = _start(made, digits, torch.device(device()), 1, None, parts=2)
    halved.write_checkpoint(tmp_path / "halved")
    resumed = _start(made, digits, torch.device(device()), 1, tmp_path / "halved")
    assert (resumed.state.parts, resumed.lanes) == (2, 1)
    again = _start(made, digits, torch.device(device()), 1, tmp_path / "halved", parts=4)
    assert (again.state.parts, again.lanes) == (4, 1)


def refused_by_torch() -> RuntimeError:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    return caught.value


def refused_by_numpy() -> MemoryError:
    with pytest.raises(MemoryError) as caught:
        np.empty(2**59)
    return caught.value


@pytest.mark.parametrize(
    ("error", "where"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), "device"),
        (RuntimeError("CUDA error: out of memory"), "device"),
        (
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate`"),
            "device",
        ),
        (MemoryError(), "host"),
        (refused_by_torch(), "host"),
        (refused_by_numpy(), "host"),
        (RuntimeError("std::bad_alloc"), "host"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "host"),
        (RuntimeError("I/O error: Cannot allocate memory (os error 12)"), "host"),
        (RuntimeError("shapes do not match"), None),
        (OSError(errno.ENOSPC, "No space left on device"), None),
    ],
    ids=repr,
)
def test_what_is_halved_and_what_a_worker_calls_out_of_memory_are_one(error, where) -> None:
    assert out_of_memory(error) == where
    assert (reason_of(error)[0] in OUT_OF_MEMORY) == (where is not None)
    assert where is None or reason_of(error)[0] == f"oom_{where}"


def test_an_error_that_is_not_memory_is_raised() -> None:
    data = Classification(examples=100, features=4, informative=2, classes=2).load()
    wrong = experiment(loss={"kind": "cross_entropy", "class_weights": [1, 2, 3]})
    with pytest.raises(RuntimeError):
        list(train(cohort([run_of(wrong, 0)]), data))
