"""Every architecture family in the engine: unequal folds among other arms, and resumed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.architectures import Architecture
from core.datasets import Dataset
from core.train import Run, Snapshot, train
from tests.fields import viewed
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
from tests.train.test_loop import GENTLY

FOLDS = 3  # of 200 rows: 67, 67 and 66


def few(digits: Dataset, kind: str) -> Dataset:
    """200 examples in the shape of the family's first example."""
    return viewed(digits, Architecture.members()[kind].examples()[0], 200)


def runs_of(kind: str) -> list[Run]:
    """Two arms, one of them with dropout, fold by fold in turns."""
    body = {"kind": kind, **Architecture.members()[kind].examples()[0].body}
    arms = [[], [{"kind": "dropout", "p": 0.3}] if kind != "linear" else ["l1"]]
    if kind == "layers":
        arms[1] = [{"kind": "l2", "lambda": 0.01}]
    made = [
        experiment(architecture=body, regularizers=r, epochs=3, batch_size=32, **GENTLY)
        for r in arms
    ]
    return [run_of(each, 0, fold) for fold in range(FOLDS) for each in made]


@pytest.mark.parametrize("kind", Architecture.members())
def test_resuming_continues_bit_for_bit(kind: str, digits, tmp_path: Path, weights) -> None:
    data, made = few(digits, kind), cohort(runs_of(kind), folds=FOLDS)
    snapshots: list[Path] = []
    whole = []
    for event in train(made, data, device=device(), snapshot_every_s=0):
        if isinstance(event, Snapshot):
            snapshots.append(tmp_path / f"{event.epoch}.safetensors")
            event.write(snapshots[-1])
        else:
            whole.append(event)
    assert len(snapshots) == 2
    resumed = trained(made, data, resume=snapshots[0])
    one, two = weights(resumed), weights(whole)
    assert all(np.array_equal(one[name], two[name]) for name in two)
    assert finished(resumed).final == finished(whole).final


@pytest.mark.parametrize("kind", Architecture.members())
def test_arms_in_turns_over_unequal_folds_equal_each_alone(kind: str, digits, weights) -> None:
    data, runs = few(digits, kind), runs_of(kind)
    fused = weights(trained(cohort(runs, folds=FOLDS), data))
    for row in (1, 4):
        alone = weights(trained(cohort([runs[row]], folds=FOLDS), data))
        assert np.abs(rows(fused, "last", row) - rows(alone, "last", 0)).max() <= tolerance()
