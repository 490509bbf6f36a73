"""When memory runs out, a cohort goes on in halves and says the same."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from core.datasets.classification import Classification
from core.train import Epoch, Snapshot, train
from core.train.loop import lanes_for, out_of_memory
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


def test_what_counts_as_out_of_memory() -> None:
    assert out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert out_of_memory(MemoryError())
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert out_of_memory(caught.value)
    assert not out_of_memory(RuntimeError("shapes do not match"))


def test_an_error_that_is_not_memory_is_raised() -> None:
    data = Classification(examples=100, features=4, informative=2, classes=2).load()
    wrong = experiment(loss={"kind": "cross_entropy", "class_weights": [1, 2, 3]})
    with pytest.raises(RuntimeError):
        list(train(cohort([run_of(wrong, 0)]), data))
