"""The loop's promises: fused equals alone, isolation, resuming, stopping, common random numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.architectures import Architecture
from core.datasets import Dataset
from core.errors import InvalidSpec
from core.layers import Layer
from core.layers.layer import Example
from core.losses import Loss
from core.optimizers import Optimizer
from core.regularizers import Regularizer
from core.regularizers.regularizer import Constraint
from core.schedules import Schedule
from core.term import Knobs
from core.train import Ended, Epoch, Run, Snapshot, train
from core.train.data import Feed
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

IMAGE = Example(((1, 8, 8),))
FEW = 400  # examples: the last of an epoch's minibatches is smaller than the others
# at lr 0.1 some networks are chaotic, and double a last bit's difference every few steps
GENTLY = {"optimizer": {"kind": "sgd", "lr": 0.01, "momentum": 0.9}}


def catalogue() -> list[Any]:
    """One experiment for every member of every family that trains, and the shape of its data."""
    cases: list[tuple[str, Example, dict[str, Any]]] = []
    for kind, architecture in Architecture.members().items():
        example = architecture.examples()[0]
        body = {"kind": kind, **example.body}
        cases.append((kind, example, {"architecture": body, **GENTLY}))
    for family in ("mlp", "cnn"):
        normed = {"kind": family, "batch_norm": True, "hidden": [12]}
        cases.append((f"{family} with batch norm", IMAGE, {"architecture": normed, **GENTLY}))
    for kind, loss in Loss.members().items():
        if "classification" in loss.tasks:
            cases.append((kind, IMAGE, {"loss": kind}))
    for kind in Regularizer.members():
        cases.append((kind, IMAGE, {"regularizers": [kind], "epochs": 6}))
    for kind in Optimizer.members():
        penalty = "l1" if Optimizer.members()[kind]().no_prox is None else "l2"
        changes = {"optimizer": {"kind": kind, "lr": 0.01}, "regularizers": [penalty]}
        cases.append((kind, IMAGE, changes))
    for kind, schedule in Schedule.members().items():
        cases.append((kind, IMAGE, {"schedule": {"kind": kind, **schedule.examples()[-1]}}))
    cases.append(("warm-up", IMAGE, {"schedule": {"kind": "cosine", "warmup_epochs": 1.5}}))
    for kind, layer in Layer.members().items():
        example = layer.examples()[0]
        several = {"input": ["input"] * len(example.shapes)} if len(example.shapes) > 1 else {}
        first = {"kind": kind, **example.body, **example.runs[1], **several}
        flat = "global_average_pool" if example.coded else "flatten"
        layers = [first, flat, {"kind": "dense", "units": 10}]
        body = {"kind": "layers", "layers": layers}
        cases.append((f"layer {kind}", example, {"architecture": body, **GENTLY}))
    return [pytest.param(example, changes, id=name) for name, example, changes in cases]


def neighbours(changes: dict[str, Any]) -> list[Run]:
    """Runs that may share the cohort: other seeds, other knobs, other regularizers."""
    lam = [{"kind": "l2", "lambda": 0.1}, {"kind": "dropout", "p": 0.2}]
    return [
        run_of(experiment(**changes), 1),
        run_of(experiment(**{**changes, "regularizers": lam}), 0),
        run_of(experiment(**{**changes, "regularizers": []}), 0),
    ]


@pytest.mark.parametrize(("example", "changes"), catalogue())
def test_a_run_inside_a_cohort_equals_the_same_run_alone(example, changes, digits, weights) -> None:
    data = viewed(digits, example, FEW)
    run = run_of(experiment(**changes), 0)
    before, after, other = neighbours(changes)
    alone = weights(trained(cohort([run]), data))
    fused = weights(trained(cohort([before, run, after, other]), data))

    # Dropout of a neighbour adds noise nodes, never other draws; weights lie at the same places.
    assert np.abs(rows(fused, "reported", 1) - rows(alone, "reported", 0)).max() <= tolerance()


@pytest.mark.parametrize("kind", Regularizer.members())
def test_a_run_between_two_that_have_a_regularizer_keeps_every_bit(kind, digits, weights) -> None:
    """Neighbours on both sides: a hook that acts on a block of rows would act on it too."""
    plain, term = (
        run_of(experiment(epochs=3), 0),
        {"kind": kind, **Regularizer.members()[kind].examples()[0]},
    )
    having = [run_of(experiment(epochs=3, regularizers=[term]), seed) for seed in (0, 1)]
    beside = weights(trained(cohort([having[0], plain, having[1], plain]), digits))
    alone = weights(trained(cohort([plain] * 4), digits))
    for row in (1, 3):
        assert np.array_equal(rows(beside, "last", row), rows(alone, "last", row))
    if kind != "early_stopping":  # which changes no step
        assert not np.array_equal(rows(beside, "last", 0), rows(alone, "last", 0))


class NonNegative(Constraint):
    """Made up, and not in the catalogue, which a class enters by its kind's default.

    It has no knob, so no value of one can be neutral: where it acts, it acts.
    """

    kind: str

    def project(self, w: torch.Tensor, fan_in: tuple[int, ...], knobs: Knobs) -> None:
        w.clamp_min_(0)


def test_a_constraint_acts_on_the_runs_that_have_it_and_on_none_between(digits, weights) -> None:
    clamped = experiment().model_copy(update={"regularizers": (NonNegative(kind="made_up"),)})
    free = run_of(experiment(), 0)
    runs = [run_of(clamped, 0), free, run_of(clamped, 1), free, run_of(clamped, 2)]
    beside = weights(trained(cohort(runs), digits))
    alone = weights(trained(cohort([free] * 5), digits))
    least = beside["last/dense_1/weight"].min((1, 2))
    assert (least[[0, 2, 4]] >= 0).all()
    for row in (1, 3):
        assert least[row] < 0
        assert np.array_equal(rows(beside, "last", row), rows(alone, "last", row))


def test_folds_inside_a_cohort_equal_the_same_fold_alone(digits, weights) -> None:
    runs = [run_of(experiment(), seed, fold) for seed in (0, 1) for fold in range(3)]
    fused = weights(trained(cohort(runs, folds=3), digits))
    for row in (0, 4):
        alone = weights(trained(cohort([runs[row]], folds=3), digits))
        assert np.abs(rows(fused, "last", row) - rows(alone, "last", 0)).max() <= tolerance()


def test_a_diverging_run_leaves_its_neighbours_untouched(digits, weights) -> None:
    calm = [run_of(experiment(regularizers=[{"kind": "l1", "lambda": x}]), 0) for x in (0, 1e-3)]
    wild = run_of(experiment(optimizer={"kind": "sgd", "lr": 1e30, "momentum": 0.9}), 0)
    tame = run_of(experiment(), 0)

    with_wild = trained(cohort([calm[0], wild, calm[1]]), digits)
    with_tame = trained(cohort([calm[0], tame, calm[1]]), digits)

    ends = {e.row: e for e in with_wild if isinstance(e, Ended)}
    assert ends[1].reason == "diverged"
    assert ends[1].epoch == 1
    assert ends[0].reason == ends[2].reason == "completed"
    one, two = weights(with_wild), weights(with_tame)
    for row in (0, 2):
        assert np.array_equal(rows(one, "last", row), rows(two, "last", row))
    assert np.isnan(finished(with_wild).final["val_loss"][1])
    assert np.isnan(finished(with_wild).final["test_accuracy"][1])


@pytest.mark.parametrize(
    "edge",
    [
        {"regularizers": [{"kind": "dropout", "p": 0.99999999}]},
        {"optimizer": {"kind": "sgd", "lr": 1e-50}, "regularizers": ["l1"]},
        {"optimizer": {"kind": "adam", "beta1": 0.999999999, "beta2": 0.999999999}},
    ],
)
def test_a_number_next_to_its_open_bound_trains(digits, edge) -> None:
    final = finished(trained(cohort([run_of(experiment(**edge, epochs=1), 0)]), digits)).final
    assert np.isfinite(final["val_loss"][0])


def test_resuming_from_any_checkpoint_continues_bit_for_bit(digits, tmp_path, weights) -> None:
    regularizers = [
        ["l1"],
        [{"kind": "dropout", "p": 0.4}],
        [{"kind": "early_stopping", "patience": 1, "metric": "val_accuracy"}],
        ["max_norm", {"kind": "l2", "lambda": 0.01}],
    ]
    runs = [
        run_of(experiment(regularizers=r, epochs=7), seed) for r in regularizers for seed in (0, 1)
    ]
    made = cohort(runs)
    whole: list[Any] = []
    snapshots: list[Path] = []
    for event in train(made, digits, device=device(), snapshot_every_s=0):
        if isinstance(event, Snapshot):
            snapshots.append(tmp_path / f"{event.epoch}.safetensors")
            event.write(snapshots[-1])
        else:
            whole.append(event)

    assert len(snapshots) == 6
    for snapshot in snapshots:
        resumed = trained(made, digits, resume=snapshot)
        rest = whole[-len(resumed) :]
        for ours, theirs in zip(resumed, rest, strict=True):
            if isinstance(ours, Epoch):
                assert ours.metrics == theirs.metrics
                assert ours.rows == theirs.rows
        assert finished(resumed).final == finished(whole).final
        one, two = weights(resumed), weights(whole)
        assert all(np.array_equal(one[name], two[name]) for name in two)


def test_a_pause_gives_a_snapshot_at_the_end_of_the_epoch_and_stops(digits) -> None:
    events = trained(cohort([run_of(experiment(), 0)]), digits, control=lambda: "pause")
    assert [type(e).__name__ for e in events] == ["Epoch", "Snapshot"]


def test_a_cancel_before_the_first_epoch_is_over_leaves_nothing(digits) -> None:
    assert trained(cohort([run_of(experiment(), 0)]), digits, control=lambda: "cancel") == []


@pytest.mark.parametrize("turns", [37, 43])  # asked at an epoch's end, and in the middle of one
def test_a_cancel_ends_at_once_with_the_scores_of_what_was_trained(digits, weights, turns) -> None:
    asked = iter(range(10**6))
    stop = [{"kind": "early_stopping", "patience": 1, "min_delta": 10.0}]
    runs = [run_of(experiment(epochs=99), 0), run_of(experiment(epochs=99, regularizers=stop), 0)]
    events = trained(
        cohort(runs), digits, control=lambda: "cancel" if next(asked) >= turns else None
    )

    assert [e.epoch for e in events if isinstance(e, Epoch)] == [1, 2]
    assert finished(events).cut == 2
    final = finished(events).final
    assert final["test_accuracy"][0] > 0.8
    assert final["zeros"] == [0.0, 0.0]
    assert np.isfinite(rows(weights(events), "reported", 0)).all()


def test_a_cancel_between_logged_epochs_tells_the_last_whole_epoch(digits) -> None:
    asked = iter(range(10**6))
    rare = cohort([run_of(experiment(epochs=99, evaluate_every=50), 0)])
    events = trained(rare, digits, control=lambda: "cancel" if next(asked) >= 43 else None)
    assert [type(event).__name__ for event in events] == ["Finished"]
    assert finished(events).cut == 2
    assert finished(events).final["test_accuracy"][0] > 0.8


def test_early_stopping_masks_its_own_run_and_restores_its_best_weights(digits, weights) -> None:
    patient = experiment(
        epochs=40, regularizers=[{"kind": "early_stopping", "patience": 2, "min_delta": 0.01}]
    )
    events = trained(cohort([run_of(patient, 0), run_of(experiment(epochs=40), 0)]), digits)

    ends = {e.row: e for e in events if isinstance(e, Ended)}
    logged = [e for e in events if isinstance(e, Epoch)]
    losses = [e.metrics["val_loss"][0] for e in logged if 0 in e.rows]
    assert ends[0].reason == "early_stopped"
    assert len(losses) == ends[0].epoch < 40
    assert ends[1].epoch == 40
    best, stop = stopping_epoch(losses, patience=2, min_delta=0.01)
    assert stop == ends[0].epoch
    assert finished(events).final["val_loss"][0] == pytest.approx(losses[best - 1], rel=1e-5)
    stored = weights(events)
    assert not np.array_equal(rows(stored, "reported", 0), rows(stored, "last", 0))
    assert np.array_equal(rows(stored, "reported", 1), rows(stored, "last", 1))


def stopping_epoch(losses: list[float], *, patience: int, min_delta: float) -> tuple[int, int]:
    """(best, last) epoch by the textbook rule."""
    best, value = 0, np.inf
    for epoch, loss in enumerate(losses, 1):
        if loss < value - min_delta:
            best, value = epoch, loss
        elif epoch - best >= patience:
            return best, epoch
    return best, len(losses)


def test_runs_of_one_seed_start_from_the_same_weights_and_see_the_same_minibatches(digits) -> None:
    quiet = {"optimizer": {"kind": "sgd", "lr": 1e-30}, "epochs": 1}
    runs = [
        run_of(experiment(**quiet, regularizers=[{"kind": "l2", "lambda": x}]), seed)
        for seed in (0, 1)
        for x in (0.0, 1.0)
    ]
    first = trained(cohort(runs), digits)[0]
    assert isinstance(first, Epoch)
    loss = first.metrics["train_loss"]
    assert loss[0] == loss[1]
    assert loss[2] == loss[3]
    assert loss[0] != loss[2]


def test_a_large_lambda_of_l1_gives_exact_zeros_and_a_subgradient_none(digits) -> None:
    strong = {"kind": "l1", "lambda": 0.03}
    runs = [
        run_of(experiment(regularizers=[{**strong, "method": m}]), 0)
        for m in ("proximal", "subgradient")
    ]
    proximal = finished(trained(cohort(runs[:1]), digits)).final["zeros"][0]
    subgradient = finished(trained(cohort(runs[1:]), digits)).final["zeros"][0]
    assert proximal > 0.5
    assert subgradient == 0


def test_the_objective_is_the_loss_and_each_penalty_apart(digits) -> None:
    both = [{"kind": "l1", "lambda": 1e-3}, {"kind": "l2", "lambda": 1e-2}]
    runs = [run_of(experiment(regularizers=both), 0), run_of(experiment(), 0)]
    last = [e for e in trained(cohort(runs), digits) if isinstance(e, Epoch)][-1].metrics
    for row in (0, 1):
        parts = last["train_loss"][row] + last["term/l1"][row] + last["term/l2"][row]
        assert last["objective"][row] == pytest.approx(parts, rel=1e-6)
    assert last["term/l1"][1] == last["term/l2"][1] == 0


def test_only_every_nth_epoch_and_the_last_are_logged(digits) -> None:
    events = trained(cohort([run_of(experiment(epochs=7, evaluate_every=3), 0)]), digits)
    assert [e.epoch for e in events if isinstance(e, Epoch)] == [3, 6, 7]


def test_scores_at_the_end_equal_those_of_the_last_epoch(digits) -> None:
    events = trained(cohort([run_of(experiment(), 0)]), digits)
    last = [e for e in events if isinstance(e, Epoch)][-1]
    final = finished(events).final
    assert final["val_accuracy"][0] == last.metrics["val_accuracy"][0]
    assert final["val_loss"][0] == pytest.approx(last.metrics["val_loss"][0], rel=1e-6)
    assert {"train_accuracy", "test_accuracy", "test_brier", "test_ece"} <= final.keys()


def test_data_that_cannot_be_split_as_asked_says_why(digits) -> None:
    rare = Dataset.of_numbers(
        replace(digits.facts, examples=60), digits.features[:60], np.repeat([*range(9), 9], 6)
    )
    rare = replace(rare, targets=np.r_[rare.targets[:55], np.zeros(5, np.int64)])  # one of class 9
    with pytest.raises(InvalidSpec, match='class "9" has no example in a training part'):
        trained(cohort([run_of(experiment(), 0, fold) for fold in range(5)], folds=5), rare)


def test_replicates_of_one_seed_differ_and_train_together(digits) -> None:
    folds = [run_of(experiment(), 0, fold) for fold in range(2)]
    runs = [*folds, run_of(experiment(), 0, 0, repeat=1), run_of(experiment(), 1, 0)]
    events = trained(cohort(runs, folds=2), digits)
    assert len(set(finished(events).final["test_loss"])) == 4


def test_inner_folds_share_a_test_part_and_draw_for_themselves(digits) -> None:
    runs = [run_of(experiment(), 0, 0, inner_fold=inner) for inner in range(3)]
    made = cohort(runs, folds=3, inner_folds=3)
    parts = Feed(made, digits, torch.device("cpu")).streams
    assert all(np.array_equal(part.test, parts[0].test) for part in parts)
    validated = np.concatenate([part.validation for part in parts])
    assert np.array_equal(np.sort(validated), np.setdiff1d(np.arange(1797), parts[0].test))
    assert len(set(finished(trained(made, digits)).final["test_loss"])) == 3


def test_a_metric_of_a_penalty_has_one_name_whatever_its_neighbours(digits) -> None:
    proximal, plain = "l1", {"kind": "l1", "method": "subgradient"}
    runs = [run_of(experiment(regularizers=[r], epochs=1), 0) for r in (proximal, plain)]
    together = finished(trained(cohort(runs), digits)).final
    alone = finished(trained(cohort(runs[1:]), digits)).final
    assert {n for n in together if n.startswith("term/")} == {"term/l1", "term/l1:subgradient"}
    assert {n for n in alone if n.startswith("term/")} == {"term/l1:subgradient"}


def test_a_learning_rate_that_falls_below_float32_stops_and_harms_nothing(diabetes) -> None:
    falling = experiment(
        architecture="linear",
        loss="mse",
        regularizers=["l1"],
        schedule={"kind": "step", "every": 1, "gamma": 0.1},
        epochs=80,
    )
    events = trained(cohort([run_of(falling, 0)]), diabetes)
    assert [e.reason for e in events if isinstance(e, Ended)] == ["completed"]


def test_data_scaled_as_it_is_gathered_trains_the_same(digits, weights, monkeypatch) -> None:
    runs = [run_of(experiment(), seed, fold) for seed in (0, 1) for fold in range(3)]
    made = cohort(runs, folds=3)
    ahead = weights(trained(made, digits))
    monkeypatch.setattr("core.train.fields.COPIES_BYTES_MAX", 0)
    gathered = weights(trained(made, digits))
    assert all(np.array_equal(ahead[name], gathered[name]) for name in ahead)
