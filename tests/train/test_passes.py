"""Hooks of a step: as in plain torch, beside others, over unequal folds, resumed and halved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.datasets import Dataset
from core.regularizers import Regularizer
from core.regularizers.passes import Augmentation, Average, GradientChange, Regradient
from core.spec.experiment import Experiment
from core.train import Event, Run, Snapshot, train
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
from tests.train.plain import plainly

IN_STEPS = (Augmentation, Regradient, GradientChange, Average)
MEMBERS = {kind: m for kind, m in Regularizer.members().items() if issubclass(m, IN_STEPS)}
USES = [
    pytest.param({"kind": kind, **body}, id=f"{kind}-{i}")
    for kind, member in MEMBERS.items()
    for i, body in enumerate(member.examples())
]
ONE_EACH = [
    pytest.param([{"kind": kind, **member.examples()[0]}], id=kind)
    for kind, member in MEMBERS.items()
]
SWA = {"kind": "swa", "start": 0.3}
TOGETHER = [
    pytest.param(terms, id=name)
    for name, terms in {
        "sam, l1, clip, ema": ["sam", "l1", "grad_clip", {"kind": "ema", "decay": 0.9}],
        "pgd, mixup, noise, swa": ["pgd", "mixup", "gaussian_noise", SWA],
        "fgsm, dropout, cutmix, labels": ["fgsm", "dropout", "cutmix", "label_noise", "max_norm"],
        "ema, smoothing, stopping": [
            {"kind": "ema", "decay": 0.9},
            "label_smoothing",
            {"kind": "early_stopping", "patience": 1, "min_delta": 0.1},
        ],
    }.items()
]
GENTLY = {"optimizer": {"kind": "sgd", "lr": 0.02, "momentum": 0.9}}
NORMED = {"kind": "mlp", "hidden": [8], "batch_norm": True}


@pytest.fixture
def small(digits: Dataset) -> Dataset:
    return first(digits, 400)


def first(data: Dataset, count: int) -> Dataset:
    facts = replace(data.facts, examples=count, class_counts=())
    inputs = {name: values[:count] for name, values in data.inputs.items()}
    return Dataset(facts, inputs, data.targets[:count])


@pytest.fixture
def uneven(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fold k trains on (3 - k) / 3 of its rows: minibatches are padded, and some runs wait."""
    import core.train.data as data

    divide = data.parts_of

    def cut(*args: Any) -> Any:
        return {
            at: replace(part, train=part.train[: len(part.train) * (3 - at.fold) // 3])
            for at, part in divide(*args).items()
        }

    monkeypatch.setattr(data, "parts_of", cut)


def using(*terms: Any, **changes: Any) -> Experiment:
    return experiment(
        **{"epochs": 3, "batch_size": 32, **GENTLY, "regularizers": list(terms)} | changes
    )


def interleaved(terms: list[Any], **changes: Any) -> list[Run]:
    """[with, without, with, of another seed] in every fold."""
    having, plain = using(*terms, **changes), using(**changes)
    return [
        run_of(made, seed, fold)
        for fold in range(3)
        for made, seed in ((having, 0), (plain, 0), (having, 1))
    ]


def in_layout(stored: dict[str, np.ndarray], which: str) -> list[np.ndarray]:
    """A run's weights, then its biases, as rows hold them."""
    names = sorted(n for n in stored if n.startswith(f"{which}/dense"))
    return [stored[n][0] for role in ("weight", "bias") for n in names if n.endswith(role)]


def apart(ours: list[np.ndarray], theirs: list[torch.Tensor]) -> float:
    return max(np.abs(a - b.numpy()).max() for a, b in zip(ours, theirs, strict=True))


def plain_or_skip(run: Run, data: Dataset) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    if device() != "cpu":
        pytest.skip("the plain loop draws on the host")
    return plainly(run, data)


@pytest.mark.parametrize("term", USES)
def test_it_trains_as_a_plain_torch_loop_does(term, small, weights) -> None:
    run = run_of(using(term, batch_size=64), 3)
    last, reported = plain_or_skip(run, small)
    stored = weights(trained(cohort([run]), small))
    assert apart(in_layout(stored, "reported"), reported) <= 1e-6
    if not issubclass(MEMBERS[term["kind"]], Average):  # which stores the average as the last, too
        assert apart(in_layout(stored, "last"), last) <= 1e-6


@pytest.mark.parametrize("terms", ONE_EACH)
def test_what_the_plain_loop_is_compared_with_is_not_training_without_it(terms, small) -> None:
    _, reported = plain_or_skip(run_of(using(*terms, batch_size=64), 3), small)
    _, without = plainly(run_of(using(batch_size=64), 3), small)
    assert max((a - b).abs().max() for a, b in zip(reported, without, strict=True)) > 1e-5


@pytest.mark.parametrize("kind", ["mixup", "sam", "pgd", "gaussian_noise"])
def test_values_train_as_in_a_plain_torch_loop(kind, diabetes, weights) -> None:
    made = using(kind, loss="mse", batch_size=64)
    run, data = run_of(made, 3), first(diabetes, 300)
    _, reported = plain_or_skip(run, data)
    assert apart(in_layout(weights(trained(cohort([run]), data)), "reported"), reported) <= 1e-6


@pytest.mark.parametrize("terms", [*ONE_EACH, *TOGETHER])
def test_arms_in_turns_over_unequal_folds_equal_each_alone(terms, small, weights, uneven) -> None:
    runs = interleaved(terms)
    fused = weights(trained(cohort(runs, folds=3), small))
    for row in (0, 1, 5, 6, 7):
        alone = weights(trained(cohort([runs[row]], folds=3), small))
        for which in ("last", "best", "reported"):
            gap = np.abs(rows(fused, which, row) - rows(alone, which, 0)).max()
            assert gap <= tolerance(), f"row {row}, {which}"


@pytest.mark.parametrize("terms", [*ONE_EACH, *TOGETHER])
def test_resuming_continues_bit_for_bit(terms, small, tmp_path, weights, uneven) -> None:
    made = cohort(interleaved(terms, architecture=NORMED), folds=3)
    snapshots: list[Path] = []
    whole: list[Event] = []
    for event in train(made, small, device=device(), snapshot_every_s=0):
        if isinstance(event, Snapshot):
            snapshots.append(tmp_path / f"{event.epoch}.safetensors")
            event.write(snapshots[-1])
        else:
            whole.append(event)
    stored = weights(whole)
    assert snapshots
    for snapshot in snapshots:
        resumed = trained(made, small, resume=snapshot)
        again = weights(resumed)
        assert all(np.array_equal(again[name], stored[name], equal_nan=True) for name in stored)
        assert finished(resumed).final == finished(whole).final


@pytest.mark.parametrize("terms", [*ONE_EACH, *TOGETHER])
def test_halves_that_take_turns_train_the_same(
    terms, small, tmp_path, weights, uneven, monkeypatch
) -> None:
    """As when memory runs out in the second epoch, and the cohort goes on from a snapshot."""
    made = cohort(interleaved(terms), folds=3)
    whole = weights(trained(made, small))
    ran, parts = Trainer.run_epoch, []

    def starved(self: Trainer, *args: Any) -> bool:
        parts.append(self.state.parts)
        if self.epoch == 1 and self.state.parts == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return ran(self, *args)

    monkeypatch.setattr(Trainer, "run_epoch", starved)
    events: list[Event] = []
    for event in train(made, small, device=device(), snapshot_every_s=0):
        if isinstance(event, Snapshot):
            event.write(tmp_path / f"{event.epoch}.safetensors")
        events.append(event)
    assert (parts[:2], set(parts[2:])) == ([1, 1], {2})
    halved = weights(events)
    for row in range(len(made.runs)):
        gap = np.abs(rows(whole, "reported", row) - rows(halved, "reported", row)).max()
        assert gap <= tolerance()
