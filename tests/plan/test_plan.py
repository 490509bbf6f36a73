"""Cutting runs into cohorts: by what they share, by memory, evenly, and in order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given
from hypothesis import settings as examples

from core.datasets import Protocol
from core.datasets.builtin import Builtin
from core.datasets.fields import numbers
from core.optimizers import Optimizer
from core.plan import (
    RUNS_PER_COHORT_MAX,
    CohortPlan,
    Need,
    Shapes,
    minibatch,
    network_of,
    plan,
    seconds,
)
from core.regularizers import Regularizer
from core.schedules import Schedule
from core.spec.experiment import Experiment

SHAPES = Shapes("classification", 1797, numbers((1, 8, 8)), 10, 1, 1078)
PLENTY = 2**34


def experiment(**changes: Any) -> Experiment:
    body = {"architecture": {"kind": "mlp", "hidden": [16]}, "loss": "cross_entropy"}
    return Experiment.model_validate(body | changes)


def cost(made: Experiment, runs: int = 1, shapes: Shapes = SHAPES) -> int:
    """Bytes of a cohort of so many such runs."""
    return Need.of(made, network_of(made, shapes), shapes).bytes(runs)


def rows(plans: list[CohortPlan]) -> list[tuple[int, ...]]:
    return [cohort.runs for cohort in plans]


FREE: list[dict[str, Any]] = [
    {"optimizer": {"kind": "sgd", "lr": 0.5, "momentum": 0.3}},
    {"loss": {"kind": "cross_entropy", "label_smoothing": 0.2}},
    *({"regularizers": [kind]} for kind in Regularizer.members()),
    *({"schedule": kind} for kind in Schedule.members()),
    {"regularizers": ["l1", {"kind": "l2", "biases": True}]},
]
SEPARATE: list[dict[str, Any]] = [
    {"architecture": {"kind": "mlp", "hidden": [17]}},
    {"architecture": {"kind": "mlp", "hidden": [16], "activation": "tanh"}},
    {"architecture": {"kind": "mlp", "hidden": [16], "batch_norm": True}},
    {"architecture": "linear"},
    {"loss": "mse"},
    {"loss": {"kind": "cross_entropy", "class_weights": "balanced"}},
    {"optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9, "nesterov": True}},
    *({"optimizer": kind} for kind in Optimizer.members() if kind != "sgd"),
    {"epochs": 31},
    {"batch_size": 32},
    {"batch_size": "full"},
    {"evaluate_every": 2},
]


@pytest.mark.parametrize("changes", FREE, ids=str)
def test_knobs_regularizers_and_schedules_share_a_cohort(changes):
    plans = plan([experiment(), experiment(**changes)], SHAPES, memory_bytes=PLENTY)
    assert rows(plans) == [(0, 1)]


@pytest.mark.parametrize("changes", SEPARATE, ids=str)
def test_whatever_changes_shapes_or_code_separates_cohorts_in_the_order_of_their_first_run(changes):
    one, other = experiment(), experiment(**changes)
    plans = plan([one, other, one, other, one], SHAPES, memory_bytes=PLENTY)
    assert rows(plans) == [(0, 2, 4), (1, 3)]


def test_a_layer_that_differs_in_its_own_regularizers_shares_a_cohort():
    def made(*regularizers: Any) -> Experiment:
        dense = {"kind": "dense", "units": 10, "regularizers": list(regularizers)}
        return experiment(architecture={"kind": "layers", "layers": ["flatten", dense]})

    plans = plan([made(), made("l1"), made("l2", "max_norm")], SHAPES, memory_bytes=PLENTY)
    assert rows(plans) == [(0, 1, 2)]


def test_a_cohort_is_cut_into_even_parts_where_memory_ends():
    same = experiment()
    plans = plan([same] * 7, SHAPES, memory_bytes=cost(same, 3))
    assert rows(plans) == [(0, 1), (2, 3), (4, 5, 6)]
    assert all(cohort.memory_bytes == cost(same, len(cohort.runs)) for cohort in plans)


def test_the_data_is_counted_once_for_a_cohort_and_once_for_each_part_that_scales_it():
    same, features = experiment(architecture="linear"), 4 * 10_000 * 200
    one = Shapes("classification", 10_000, numbers((200,)), 2, 1, 6400)
    five = replace(one, replicates=5)
    assert cost(same, 1, one) > 2 * features
    assert cost(same, 9, one) - cost(same, 1, one) < features
    assert cost(same, 5, five) - cost(same, 1, five) > 4 * features
    vast = replace(five, examples=1_000_000, train_examples=640_000)  # scaled as it is gathered
    assert 100 * features < cost(same, 1, vast) < 200 * features


def test_data_that_leaves_no_room_for_two_runs_trains_them_one_by_one():
    same = experiment(architecture="linear")
    wide = Shapes("classification", 100_000, numbers((500,)), 2, 1, 64_000)
    assert rows(plan([same] * 2, wide, memory_bytes=cost(same, 1, wide))) == [(0,), (1,)]
    assert rows(plan([same] * 2, wide, memory_bytes=cost(same, 2, wide))) == [(0, 1)]


def test_a_run_that_is_larger_than_the_memory_trains_alone():
    same = experiment()
    plans = plan([same] * 3, SHAPES, memory_bytes=cost(same) - 1)
    assert rows(plans) == [(0,), (1,), (2,)]


def test_no_cohort_is_wider_than_the_most_runs():
    same = experiment()
    plans = plan([same] * (RUNS_PER_COHORT_MAX + 1), SHAPES, memory_bytes=2**40)
    assert sorted(len(runs) for runs in rows(plans)) == [256, 257]


def test_dropout_of_one_run_costs_memory_in_all_of_its_cohort():
    plain = experiment(batch_size="full")
    noisy = experiment(batch_size="full", regularizers=["dropout"])
    (alone,) = plan([plain, plain], SHAPES, memory_bytes=PLENTY)
    (mixed,) = plan([plain, noisy], SHAPES, memory_bytes=PLENTY)
    assert mixed.memory_bytes > alone.memory_bytes
    assert mixed.parameters == alone.parameters


def test_no_runs_are_no_cohorts():
    assert plan([], SHAPES, memory_bytes=PLENTY) == []


CHOICES = [experiment(), experiment(regularizers=["l1"]), experiment(loss="mse")]


@examples(max_examples=150, deadline=None)
@given(
    chosen=st.lists(st.sampled_from(CHOICES), max_size=40),
    memory_bytes=st.integers(1, 12 * cost(CHOICES[0])),
    runs_max=st.integers(1, 20),
)
def test_every_run_trains_once_in_order_within_memory_and_evenly(chosen, memory_bytes, runs_max):
    plans = plan(chosen, SHAPES, memory_bytes=memory_bytes, runs_max=runs_max)
    assert sorted(run for runs in rows(plans) for run in runs) == list(range(len(chosen)))
    for cohort in plans:
        assert list(cohort.runs) == sorted(cohort.runs)
        assert len(cohort.runs) <= runs_max
        assert cohort.memory_bytes <= memory_bytes or len(cohort.runs) == 1
    for loss in ("cross_entropy", "mse"):
        parts = [runs for runs in rows(plans) if chosen[runs[0]].loss.kind == loss]
        assert all(one[-1] < other[0] for one, other in pairwise(parts))
        widths = [len(runs) for runs in parts]
        assert not widths or max(widths) - min(widths) <= 1


LARGER: list[dict[str, Any]] = [
    {"architecture": {"kind": "mlp", "hidden": [17]}},
    {"architecture": {"kind": "mlp", "hidden": [16, 16]}},
    {"architecture": {"kind": "mlp", "hidden": [16], "batch_norm": True}},
    {"architecture": "cnn"},
]


@pytest.mark.parametrize("changes", LARGER, ids=str)
def test_a_larger_network_costs_more_memory_and_no_less_time(changes):
    made = [experiment(), experiment(**changes)]
    small, large = (plan([e], SHAPES, memory_bytes=PLENTY)[0] for e in made)
    assert large.parameters > small.parameters
    assert large.memory_bytes > small.memory_bytes
    assert large.time_s >= small.time_s


def test_the_estimate_of_time_grows_with_runs_epochs_and_steps_and_falls_with_rarer_scores():
    def time_s(runs: int = 4, **changes: Any) -> float:
        made = experiment(**changes)
        return seconds(made, network_of(made, SHAPES), SHAPES, runs)

    assert time_s(runs=5) > time_s()
    assert time_s(epochs=31) > time_s()
    assert time_s(batch_size=32) > time_s()
    assert time_s(evaluate_every=5) < time_s()


def test_an_optimizer_with_more_state_and_a_larger_minibatch_cost_more_memory():
    assert cost(experiment(optimizer="adam")) > cost(experiment(optimizer="sgd"))
    assert cost(experiment(batch_size=65)) > cost(experiment(batch_size=64))
    assert cost(experiment(batch_size="full")) > cost(experiment(batch_size=1000))


def test_a_minibatch_is_never_more_than_the_training_part():
    assert minibatch(experiment(batch_size=64), SHAPES) == 64
    assert minibatch(experiment(batch_size=5000), SHAPES) == 1078
    assert minibatch(experiment(batch_size="full"), SHAPES) == 1078


def test_a_network_has_the_outputs_that_the_loss_asks_for():
    two = Shapes("classification", 100, numbers((5,)), 2, 1, 60)
    assert network_of(experiment(loss="bce"), two).outputs == 1
    assert network_of(experiment(loss="cross_entropy"), two).outputs == 2
    assert (
        network_of(experiment(loss="mse"), Shapes("regression", 9, numbers((5,)), 0, 3, 6)).outputs
        == 3
    )


def test_shapes_are_known_before_the_data_is_loaded():
    facts = Builtin(name="digits").facts()
    found = Shapes.of(facts, Protocol())
    assert (found.task, found.examples, found.classes) == ("classification", 1797, 10)
    assert found.inputs == numbers((1, 8, 8))
    assert found.train_examples == pytest.approx(0.64 * 1797, abs=3)
    folds = Protocol(folds=10, inner_folds=3)
    assert Shapes.of(facts, folds).train_examples == pytest.approx(0.6 * 1797, abs=3)


def test_what_regularizers_keep_and_repeat_is_counted():
    """An average is a row of each run; SAM's second pass is another step's worth of time."""
    plain = experiment(regularizers=[])
    row = network_of(plain, SHAPES).size * 4
    averaged = experiment(regularizers=["ema"])
    assert cost(averaged) - cost(plain) == row
    sam = experiment(regularizers=["sam"])
    (one,), (two,) = (plan([each], SHAPES, memory_bytes=PLENTY) for each in (plain, sam))
    assert 1.5 < two.time_s / one.time_s <= 2


def test_a_run_beside_one_that_keeps_an_average_has_room_for_one_too():
    both = [experiment(regularizers=[]), experiment(regularizers=["swa"])]
    (together,) = plan(both, SHAPES, memory_bytes=PLENTY)
    (alike,) = plan([both[1]] * 2, SHAPES, memory_bytes=PLENTY)
    assert together.memory_bytes == alike.memory_bytes
