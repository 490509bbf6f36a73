"""Training parts of different sizes: every run trains as if it were alone, on all of its rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from core.datasets import Dataset, Parts, Replicate
from core.train import Ended, Epoch, Run, Snapshot, train
from core.train.data import Feed
from core.train.randomness import uniforms
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

FOLDS = 3
EPOCHS = 5


@pytest.fixture
def small(digits) -> Dataset:
    facts = replace(digits.facts, examples=400, class_counts=())
    return Dataset.of_numbers(facts, digits.features[:400], digits.targets[:400])


@pytest.fixture(autouse=True)
def uneven(monkeypatch) -> None:
    """Fold k trains on (3 - k) / 3 of its rows, as groups or times may divide them."""
    import core.train.data as data

    divide = data.parts_of

    def cut(*args: Any) -> dict[Replicate, Parts]:
        return {
            at: replace(part, train=part.train[: len(part.train) * (FOLDS - at.fold) // FOLDS])
            for at, part in divide(*args).items()
        }

    monkeypatch.setattr(data, "parts_of", cut)


MLP: dict[str, Any] = {"epochs": EPOCHS, "batch_size": 32}
CNN: dict[str, Any] = {
    **MLP,
    "epochs": 3,
    "architecture": {"kind": "cnn", "filters": [4], "hidden": [8], "batch_norm": True},
    "optimizer": {"kind": "sgd", "lr": 0.01, "momentum": 0.9},
}
NORMED = {"kind": "mlp", "hidden": [12, 8], "batch_norm": True}
STOP = {"kind": "early_stopping", "patience": 1, "metric": "val_accuracy", "min_delta": 0.02}
ARMS: dict[str, list[dict[str, Any]]] = {
    "penalties, momentum": [
        {**MLP, "regularizers": ["l1"]},
        {**MLP, "regularizers": [{"kind": "l2", "lambda": 0.1}]},
        {**MLP, "regularizers": [{"kind": "max_norm", "c": 0.5}, "weight_decay"]},
        {**MLP, "regularizers": [{"kind": "dropout", "p": 0.3}]},
    ],
    "adam": [
        {**MLP, "optimizer": {"kind": "adam", "lr": 0.01}, "regularizers": [kind]}
        for kind in ("l1", "dropout")
    ],
    "adamw": [{**MLP, "optimizer": {"kind": "adamw", "lr": 0.01, "weight_decay": 0.1}}],
    "rmsprop": [{**MLP, "optimizer": {"kind": "rmsprop", "lr": 0.01}, "regularizers": ["l1"]}],
    "schedules": [
        {**MLP, "schedule": {"kind": kind, "warmup_epochs": 1.5}}
        for kind in ("cosine", "step", "constant")
    ],
    "early stopping": [{**MLP, "epochs": 12, "regularizers": [STOP]}, {**MLP, "epochs": 12}],
    "batch norm": [
        {**MLP, "architecture": NORMED, "optimizer": {"kind": "sgd", "lr": 0.01, "momentum": 0.9}},
        {
            **MLP,
            "architecture": NORMED,
            "optimizer": {"kind": "sgd", "lr": 0.01, "momentum": 0.9},
            "regularizers": ["dropout"],
        },
    ],
    "cnn with batch norm": [CNN, {**CNN, "regularizers": ["dropout"]}],
    "full batch": [{**MLP, "batch_size": "full"}],
    "full batch of bce": [{**MLP, "batch_size": "full", "loss": "bce", "regularizers": ["l1"]}],
    "smoothed": [{**MLP, "regularizers": ["label_smoothing"]}],
    "by autograd": [
        {**MLP, "loss": {"kind": "cross_entropy", "class_weights": "balanced"}, "epochs": 3}
    ],
}


def interleaved(arms: list[dict[str, Any]], seeds: tuple[int, ...] = (0, 1)) -> list[Run]:
    return [
        run_of(experiment(**arm), seed, fold)
        for fold in range(FOLDS)
        for arm in arms
        for seed in seeds
    ]


def test_the_parts_differ_so_much_that_some_streams_wait(small) -> None:
    feed = Feed(cohort(interleaved(ARMS["adam"]), folds=FOLDS), small, torch.device(device()))
    assert len(set(feed.lengths)) == FOLDS
    assert len({-(-length // MLP["batch_size"]) for length in feed.lengths}) == FOLDS


@pytest.mark.parametrize("arms", ARMS.values(), ids=ARMS)
def test_a_run_inside_a_cohort_equals_the_same_run_alone(arms, small, weights) -> None:
    runs = interleaved(arms)
    settled = {"folds": FOLDS}
    together = trained(cohort(runs, **settled), small)
    stored = weights(together)
    for row in range(0, len(runs), 2 * len(arms) + 1):
        alone = trained(cohort([runs[row]], **settled), small)
        theirs = weights(alone)
        for which in ("reported", "last", "best"):
            gap = np.abs(rows(stored, which, row) - rows(theirs, which, 0)).max()
            assert gap <= tolerance(), f"row {row}, {which}"
        ends = [e for e in together if isinstance(e, Ended) and e.row == row]
        assert [(e.epoch, e.reason) for e in ends] == [
            (e.epoch, e.reason) for e in alone if isinstance(e, Ended)
        ]
        ours = [e for e in together if isinstance(e, Epoch) and row in e.rows]
        for mine, other in zip(ours, [e for e in alone if isinstance(e, Epoch)], strict=True):
            place = mine.rows.index(row)
            for name, (value,) in other.metrics.items():
                assert mine.metrics[name][place] == pytest.approx(value, rel=1e-3, abs=1e-4), name


def test_another_fold_or_seed_changes_no_run(small, weights) -> None:
    arm = {**MLP, "regularizers": ["l1", "dropout"]}
    few = [run_of(experiment(**arm), 0, fold) for fold in (1, 2)]
    many = [
        *few,
        run_of(experiment(**arm), 0, 0),
        *[run_of(experiment(**arm), 1, f) for f in (2, 0)],
    ]
    one = weights(trained(cohort(few, folds=FOLDS), small))
    two = weights(trained(cohort(many, folds=FOLDS), small))
    for row in range(len(few)):
        assert np.abs(rows(one, "last", row) - rows(two, "last", row)).max() <= tolerance()


MIXED = [
    {**MLP, "regularizers": [kind]}
    for kind in ("l1", {"kind": "dropout", "p": 0.4}, STOP, "max_norm")
]


def test_resuming_from_any_checkpoint_continues_bit_for_bit(small, tmp_path, weights) -> None:
    made = cohort(interleaved(MIXED, seeds=(0,)), folds=FOLDS)
    whole: list[Any] = []
    snapshots = []
    for event in train(made, small, device=device(), snapshot_every_s=0):
        whole.append(event)
        if isinstance(event, Snapshot):
            snapshots.append(tmp_path / f"{event.epoch}.safetensors")
            event.write(snapshots[-1])
    assert len(snapshots) == EPOCHS - 1
    two = weights(whole)
    for snapshot in snapshots:
        resumed = trained(made, small, resume=snapshot)
        assert finished(resumed).final == finished(whole).final
        one = weights(resumed)
        assert all(np.array_equal(one[name], two[name]) for name in two)


@pytest.mark.parametrize(("parts", "lanes"), [(2, 1), (5, 1), (3, 2)])
def test_taking_turns_or_lanes_changes_nothing(small, weights, parts, lanes, monkeypatch) -> None:
    made = cohort(interleaved(MIXED, seeds=(0,)), folds=FOLDS)
    whole = trained(made, small)
    before = Trainer.__init__
    monkeypatch.setattr(
        Trainer,
        "__init__",
        lambda self, c, data, device, *_: before(self, c, data, device, parts, lanes),
    )
    turns = trained(made, small)
    one, two = weights(whole), weights(turns)
    for row in range(len(made.runs)):
        assert np.abs(rows(one, "reported", row) - rows(two, "reported", row)).max() <= tolerance()
    assert [e.rows for e in whole if isinstance(e, Epoch)] == [
        e.rows for e in turns if isinstance(e, Epoch)
    ]


def test_a_diverging_run_that_waits_leaves_its_neighbours_untouched(small, weights) -> None:
    calm = run_of(experiment(**MLP), 0, 0)
    wild = {**MLP, "optimizer": {"kind": "sgd", "lr": 1e30, "momentum": 0.9}}
    with_wild = trained(cohort([calm, run_of(experiment(**wild), 0, 2)], folds=FOLDS), small)
    with_tame = trained(cohort([calm, run_of(experiment(**MLP), 0, 2)], folds=FOLDS), small)
    assert [e.row for e in with_wild if isinstance(e, Ended) and e.reason == "diverged"] == [1]
    one, two = rows(weights(with_wild), "last", 0), rows(weights(with_tame), "last", 0)
    # until the wild one left, its part was as long as the tame one's; then minibatches are as wide
    assert np.abs(one - two).max() <= tolerance()


@pytest.mark.parametrize("shape", [(6, 3), (40, 64), (33, 8, 5, 5), (1000, 1)])
def test_a_padded_draw_begins_with_the_draw_of_its_own_examples(shape) -> None:
    where = torch.device(device())
    counts = (shape[0], shape[0] // 2, 0)
    padded = uniforms((1, 2, 3), "noise/x", (4, 9, 4), shape, where, counts)
    for row, (seed, step, count) in enumerate(zip((1, 2, 3), (4, 9, 4), counts, strict=True)):
        (alone,) = uniforms((seed,), "noise/x", (step,), (count, *shape[1:]), where)
        assert torch.equal(padded[row, :count], alone)
        assert (padded[row, count:] == 0).all()
