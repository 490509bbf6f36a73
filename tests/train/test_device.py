"""Training on another device: no step mixes it with the host, and the numbers are the host's."""

from __future__ import annotations

from functools import wraps
from typing import Any

import numpy as np
import pytest
import torch

from core.train import Snapshot, randomness, train
from tests.fields import viewed
from tests.train import stand_in
from tests.train.conftest import cohort, experiment, finished, run_of
from tests.train.test_loop import FEW, catalogue, neighbours


@pytest.fixture(autouse=True)
def cpu_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in has no generator of random numbers, and no torch.tensor(..., device=)."""
    generator, tensor = randomness.generator, torch.tensor
    monkeypatch.setattr(
        randomness,
        "generator",
        lambda seed, what, step, _: generator(seed, what, step, stand_in.HOST),
    )

    @wraps(tensor)
    def made(*args: Any, device: Any = None, **kwargs: Any) -> torch.Tensor:
        value = tensor(*args, **kwargs)
        return value if device is None else value.to(device)

    monkeypatch.setattr(torch, "tensor", made)


def test_the_stand_in_refuses_to_mix_with_the_host() -> None:
    there = torch.ones(3, device=stand_in.NAME)
    assert (there + there).cpu().tolist() == [2, 2, 2]
    with pytest.raises(RuntimeError, match="mixes stand_in with cpu"):
        there + torch.ones(3)


@pytest.mark.parametrize(("example", "changes"), catalogue())
def test_training_there_gives_the_hosts_numbers(example, changes, digits, weights) -> None:
    data = viewed(digits, example, FEW)
    changes = {**changes, "epochs": 1}  # roundings grow in a network with batch norm
    before, after, other = neighbours(changes)
    made = cohort([before, run_of(experiment(**changes), 0), after, other])

    here = list(train(made, data))
    there = list(train(made, data, device=stand_in.NAME))

    ours, theirs = weights(there), weights(here)
    # convolutions of all runs are one there, and round otherwise
    assert max(np.abs(ours[name] - theirs[name]).max() for name in theirs) <= 1e-4
    for name, scores in finished(here).final.items():
        assert finished(there).final[name] == pytest.approx(scores, abs=1e-4, nan_ok=True)


def test_folds_there_give_the_hosts_numbers(digits) -> None:
    made = cohort(
        [run_of(experiment(), seed, fold) for seed in (0, 1) for fold in range(3)], folds=3
    )
    here, there = (list(train(made, digits, device=name)) for name in ("cpu", stand_in.NAME))
    assert finished(there).final == finished(here).final


@pytest.mark.parametrize("kind", ["roc_auc", "average_precision", "log_loss"])
def test_scores_and_rows_there_are_the_hosts(kind, digits, tmp_path) -> None:
    arm = experiment(regularizers=["dropout"], batch_size=100)
    made = cohort([run_of(arm, 0, fold) for fold in range(7)], folds=7, metric=f"val_{kind}")
    written = []
    for name in ("cpu", stand_in.NAME):
        done = finished(list(train(made, digits, device=name)))
        assert np.isfinite(done.final[f"val_{kind}"]).all()
        done.write_rows(tmp_path / name)
        written.append((done.final, done.best_epoch, (tmp_path / name).read_bytes()))
    assert written[0] == written[1]


def test_a_checkpoint_from_there_resumes_there_bit_for_bit(digits, tmp_path, weights) -> None:
    kinds = ["l1", {"kind": "dropout", "p": 0.4}, {"kind": "early_stopping", "patience": 1}]
    made = cohort([run_of(experiment(regularizers=[kind]), s) for kind in kinds for s in (0, 1)])
    whole = []
    for event in train(made, digits, device=stand_in.NAME, snapshot_every_s=0):
        whole.append(event)
        if isinstance(event, Snapshot) and event.epoch == 2:
            event.write(tmp_path / "two")

    resumed = list(train(made, digits, device=stand_in.NAME, resume=tmp_path / "two"))

    ours, theirs = weights(resumed), weights(whole)
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)
