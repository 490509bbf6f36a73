from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from core.datasets import Dataset, DatasetFacts, Parts, Protocol, Replicate, Split, parts_of, sizes
from core.datasets.divisible import faults_of
from tests.counting import calls

Arrays = Any  # what numpy takes for a column


def data(
    targets: Arrays,
    *,
    features: Arrays = None,
    groups: Arrays = None,
    times: Arrays = None,
    names: Sequence[str] = (),
) -> Dataset:
    """A dataset of one feature, that differs from row to row unless it is given."""
    y = np.asarray(targets)
    x = np.arange(len(y)) if features is None else np.asarray(features)
    classes = tuple(names) or tuple(f"c{i}" for i in range(int(y.max()) + 1))
    facts = DatasetFacts.of_numbers(
        "classification", len(y), (1,), classes, tuple(np.bincount(y).tolist())
    )
    return Dataset.of_numbers(
        facts,
        x.astype(np.float32).reshape(-1, 1),
        y.astype(np.int64),
        None if groups is None else np.asarray(groups, np.int64),
        None if times is None else np.asarray(times, np.float64),
    )


def divided(dataset: Dataset, protocol: Protocol) -> dict[Replicate, Parts]:
    """Every replicate's parts; an example that cannot be divided is skipped."""
    try:
        return parts_of(dataset, protocol, protocol.replicates())
    except ValueError:
        assume(False)
        raise


def refusal(dataset: Dataset, protocol: Protocol) -> str:
    with pytest.raises(ValueError, match=" ") as refused:
        parts_of(dataset, protocol, protocol.replicates())
    return str(refused.value)


FRACTION = st.floats(0.05, 0.45)
FOLDS = st.sampled_from([1, 2, 3, 5])


@st.composite
def problems(draw: st.DrawFn) -> tuple[Dataset, Protocol]:
    """Classes of 1 to 40 rows, some rows alike, perhaps in groups."""
    counts = draw(st.lists(st.integers(1, 40), min_size=1, max_size=5))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    targets = random.permutation(np.repeat(np.arange(len(counts)), counts))
    rows = len(targets)
    features = random.integers(0, draw(st.sampled_from([rows, 10 * rows, 10**6])) + 1, rows)
    groups = random.integers(0, max(2, rows // 3), rows) if draw(st.booleans()) else None
    split = Split(
        validation=draw(FRACTION),
        test=draw(FRACTION),
        stratify=draw(st.booleans()),
        duplicates=draw(st.sampled_from(["together", "apart"])),
        seed=draw(st.integers(0, 2**32 - 1)),
    )
    folds = draw(FOLDS)
    protocol = Protocol(
        seeds=(0, 1),
        repeats=draw(st.integers(1, 2)) if folds > 1 else 1,
        folds=folds,
        inner_folds=draw(st.none() | st.integers(2, 4)),
        split=split,
    )
    return data(targets, features=features, groups=groups), protocol


@settings(deadline=None)
@given(problems())
def test_parts_are_disjoint_cover_and_ascend(problem: tuple[Dataset, Protocol]) -> None:
    dataset, protocol = problem

    for parts in divided(dataset, protocol).values():
        every = (parts.train, parts.validation, parts.test)
        assert all(p.dtype == np.int64 and len(p) and (np.diff(p) > 0).all() for p in every)
        together = np.sort(np.concatenate(every))
        np.testing.assert_array_equal(together, np.arange(dataset.facts.examples))


@settings(deadline=None)
@given(problems())
def test_every_class_is_in_every_training_part(problem: tuple[Dataset, Protocol]) -> None:
    dataset, protocol = problem

    for parts in divided(dataset, protocol).values():
        assert set(dataset.targets[parts.train]) == set(dataset.targets)


@settings(deadline=None)
@given(problems())
def test_with_folds_every_row_is_tested_once_in_each_repeat(
    problem: tuple[Dataset, Protocol],
) -> None:
    dataset, protocol = problem
    assume(protocol.folds > 1)

    found = divided(dataset, protocol)

    for repeat in range(protocol.repeats):
        tests = {r.fold: p.test for r, p in found.items() if r.repeat == repeat}
        rows = np.sort(np.concatenate(list(tests.values())))
        np.testing.assert_array_equal(rows, np.arange(dataset.facts.examples))


@settings(deadline=None)
@given(problems())
def test_with_inner_folds_every_row_that_does_not_test_validates_once(
    problem: tuple[Dataset, Protocol],
) -> None:
    dataset, protocol = problem
    assume(protocol.inner_folds)

    found = divided(dataset, protocol)

    for outer in {(r.seed, r.repeat, r.fold) for r in found}:
        inner = [p for r, p in found.items() if (r.seed, r.repeat, r.fold) == outer]
        assert all(np.array_equal(p.test, inner[0].test) for p in inner)
        rows = np.sort(np.concatenate([p.validation for p in inner]))
        rest = np.setdiff1d(np.arange(dataset.facts.examples), inner[0].test)
        np.testing.assert_array_equal(rows, rest)


@settings(deadline=None)
@given(problems())
def test_no_part_comes_between_rows_that_are_alike_or_of_one_group(
    problem: tuple[Dataset, Protocol],
) -> None:
    dataset, protocol = problem
    kept = [dataset.features.ravel()] if protocol.split.duplicates == "together" else []
    kept += [] if dataset.groups is None else [dataset.groups]

    for parts in divided(dataset, protocol).values():
        part = np.empty(dataset.facts.examples, np.int64)
        for number, rows in enumerate((parts.train, parts.validation, parts.test)):
            part[rows] = number
        for column in kept:
            for value in np.unique(column):
                assert len(set(part[column == value])) == 1


@settings(deadline=None)
@given(problems())
def test_rows_that_nothing_ties_are_dealt_within_one_of_even(
    problem: tuple[Dataset, Protocol],
) -> None:
    dataset, protocol = problem
    free = data(dataset.targets)
    assume(protocol.folds > 1)

    tests = {r.fold: p.test for r, p in divided(free, protocol).items() if r.repeat == 0}

    lengths = [len(test) for test in tests.values()]
    assert max(lengths) - min(lengths) <= 1
    if protocol.split.stratify:
        for number in np.unique(free.targets):
            shares = [int((free.targets[test] == number).sum()) for test in tests.values()]
            assert max(shares) - min(shares) <= 1


@settings(deadline=None)
@given(problems())
def test_stratified_class_shares_are_within_one_example(problem: tuple[Dataset, Protocol]) -> None:
    dataset, protocol = problem
    free, split = data(dataset.targets), protocol.split
    assume(split.stratify)
    counts = np.bincount(free.targets)

    parts = divided(free, Protocol(split=split))[Replicate(0)]

    test = np.bincount(free.targets[parts.test], minlength=len(counts))
    validation = np.bincount(free.targets[parts.validation], minlength=len(counts))
    assert (np.abs(test - split.test * counts) <= 1).all()
    assert (np.abs(validation - split.validation * (counts - test)) <= 1).all()


def test_groups_of_a_class_are_spread_as_evenly_as_can_be() -> None:
    # ten groups of 3 rows, two classes of 15: by hand, 5 folds can have 6 rows each, and no fold
    # of two groups need have more than one group's rows too many of a class
    groups = np.repeat(np.arange(10), 3)
    targets = (groups >= 5).astype(int)

    found = parts_of(data(targets, groups=groups), Protocol(folds=5), [Replicate(0, 0, f) for f in
                     range(5)])  # fmt: skip

    tests = [parts.test for parts in found.values()]
    assert [len(test) for test in tests] == [6] * 5
    assert [int(targets[test].sum()) for test in tests] == [3] * 5


def test_a_large_group_does_not_crowd_the_others_out() -> None:
    groups = np.r_[np.zeros(60, int), 1 + np.arange(40) // 4]
    dataset = data(np.arange(100) % 2, groups=groups)

    found = parts_of(dataset, Protocol(folds=3), [Replicate(0, 0, fold) for fold in range(3)])

    assert sorted(len(parts.test) for parts in found.values()) == [20, 20, 60]


def test_rows_linked_by_a_group_and_by_a_twin_stay_together() -> None:
    # groups 0 and 1 share a row that is alike, so they are one; 18 others are their own
    groups = np.r_[0, 0, 1, 1, np.arange(2, 20)]
    features = np.r_[100, 101, 101, 102, np.arange(18)]
    dataset = data(np.zeros(22, int), features=features, groups=groups)

    found = parts_of(dataset, Protocol(folds=4), [Replicate(0, 0, fold) for fold in range(4)])

    linked = [set(range(4)) & set(parts.test.tolist()) for parts in found.values()]
    assert sorted(map(len, linked)) == [0, 0, 0, 4]


def test_any_group_may_test_where_one_part_is_held_out() -> None:
    groups = np.repeat(np.arange(10), np.arange(1, 11))
    dataset = data(np.zeros(55, int), groups=groups)

    tested = set()
    for seed in range(40):
        parts = parts_of(dataset, Protocol(split=Split(seed=seed)), [Replicate(0)])[Replicate(0)]
        tested |= set(groups[parts.test].tolist())

    assert tested == set(range(10))


def test_in_order_of_time_a_fold_trains_on_everything_before_it() -> None:
    times = np.random.default_rng(0).permutation(60)
    dataset = data(np.zeros(60, int), times=times)
    protocol = Protocol(folds=5)

    found = parts_of(dataset, protocol, protocol.replicates())

    for fold, parts in enumerate(found.values()):  # blocks of ten
        assert sorted(times[parts.test]) == list(range(10 * fold + 10, 10 * fold + 20))
        validates = round(0.2 * 10 * (fold + 1))
        first = 10 * (fold + 1) - validates
        assert sorted(times[parts.train]) == list(range(first))
        assert sorted(times[parts.validation]) == list(range(first, 10 * (fold + 1)))


def test_in_order_of_time_the_latest_are_held_out_and_equal_times_stay_together() -> None:
    times = np.repeat(np.arange(10), 5)[::-1].copy()
    dataset = data(np.zeros(50, int), times=times)

    parts = parts_of(dataset, Protocol(split=Split(test=0.15)), [Replicate(0)])[Replicate(0)]

    assert set(times[parts.test]) == {8, 9}  # 8 rows asked for; the row's ties come along
    assert set(times[parts.validation]) == {6, 7}
    assert set(times[parts.train]) == set(range(6))


def test_seeds_share_their_parts_and_draw_apart() -> None:
    first, second = Replicate(4, 0, 2), Replicate(5, 0, 2)

    found = parts_of(data(np.arange(60) % 3), Protocol(folds=5), [first, second])

    assert found[first].train is found[second].train
    assert first.draw_seed != second.draw_seed


def test_repeats_draw_other_partitions_and_other_numbers() -> None:
    first, second = Replicate(0, 0, 0), Replicate(0, 1, 0)

    found = parts_of(data(np.arange(300) % 3), Protocol(folds=5), [first, second])

    assert not np.array_equal(found[first].test, found[second].test)
    assert first.draw_seed != second.draw_seed


def test_what_a_replicate_sees_and_draws_does_not_depend_on_the_others() -> None:
    dataset, wanted = data(np.arange(60) % 3), Replicate(3, 1, 2)
    every = Protocol(seeds=(1, 3), repeats=2, folds=5)

    alone = parts_of(dataset, every, [wanted])[wanted]
    beside = parts_of(dataset, every, every.replicates())[wanted]

    np.testing.assert_array_equal(alone.train, beside.train)
    np.testing.assert_array_equal(alone.test, beside.test)


def test_one_held_out_part_draws_from_the_seed_itself_and_all_else_afresh() -> None:
    protocol = Protocol(seeds=tuple(range(20)), repeats=3, folds=4, inner_folds=3)
    drawn = [replicate.draw_seed for replicate in protocol.replicates()]

    assert Replicate(7).draw_seed == 7
    assert len(set(drawn)) == len(drawn) == protocol.count == 720
    assert not set(drawn) & set(range(20))
    assert all(0 <= seed < 2**32 for seed in drawn)


def test_splits_and_draws_are_the_same_on_every_machine_and_version() -> None:
    protocol = Protocol(folds=3, split=Split(seed=1))
    dataset = data(np.arange(12) % 2, features=[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 11])

    found = parts_of(dataset, protocol, protocol.replicates())

    assert [parts.test.tolist() for parts in found.values()] == [
        [6, 7, 9, 10],
        [3, 4, 5, 8],
        [0, 1, 2, 11],
    ]
    assert [parts.validation.tolist() for parts in found.values()] == [[2, 5], [0, 7], [4, 5]]
    assert [replicate.draw_seed for replicate in found] == [187293349, 2605037195, 1182830917]


def test_replicates_are_seed_major() -> None:
    found = Protocol(seeds=(3, 1), repeats=2, folds=2).replicates()

    assert [(r.seed, r.repeat, r.fold) for r in found[:5]] == [
        (3, 0, 0), (3, 0, 1), (3, 1, 0), (3, 1, 1), (1, 0, 0),
    ]  # fmt: skip
    assert Protocol(seeds=(3,)).replicates() == (Replicate(3, 0, None, None),)


def test_a_class_of_one_example_is_for_training_where_one_part_is_held_out() -> None:
    dataset = data([0] * 20 + [1])

    for seed in range(20):
        parts = parts_of(dataset, Protocol(split=Split(seed=seed)), [Replicate(0)])[Replicate(0)]
        assert 20 in parts.train


def test_what_cannot_be_divided_is_refused_in_a_sentence() -> None:
    assert refusal(data([0, 1, 0]), Protocol(folds=4)) == (
        "3 rows leave the validation part empty (4 folds, validation 0.2); "
        "use fewer folds or more rows"
    )
    assert "1 rows leave the validation part empty (test 0.2" in refusal(data([0]), Protocol())
    rare = data([0] * 50 + [1], names=("common", "rare"))
    assert 'class "rare" has no example in a training part (3 folds, validation 0.2); give it ' in (
        refusal(rare, Protocol(folds=3))
    )
    chance = Split(stratify=False, seed=5, test=0.97)
    assert "set split.stratify to true" in refusal(data([0] * 99 + [1]), Protocol(split=chance))
    late = data([0] * 30 + [1] * 30, times=np.arange(60))
    assert "use fewer folds, or more data from before" in refusal(late, Protocol(folds=5))


COUNTS = st.lists(st.integers(1, 12), min_size=2, max_size=6)
SHARE = st.sampled_from([0.01, 0.1, 0.2, 0.4, 0.9])


@settings(max_examples=300, deadline=None)
@given(COUNTS, FOLDS, st.sampled_from([None, 2, 5]), SHARE, SHARE, st.booleans())
def test_counts_alone_foretell_what_cannot_be_divided(
    counts: list[int],
    folds: int,
    inner_folds: int | None,
    validation: float,
    test: float,
    stratify: bool,
) -> None:
    split = Split(validation=validation, test=test, stratify=stratify)
    dataset = data(np.repeat(np.arange(len(counts)), counts))
    protocol = Protocol(folds=folds, inner_folds=inner_folds, split=split)

    faults = list(faults_of(dataset.facts, protocol))

    said = ""
    try:
        parts_of(dataset, protocol, protocol.replicates())
    except ValueError as error:
        said = str(error)
    if stratify or "no example in a training part" not in said:  # else chance may decide
        assert bool(faults) == bool(said)


def test_too_few_groups_are_foretold_and_counted() -> None:
    facts = DatasetFacts.of_numbers("regression", 300, (2,), groups=3)

    ((place, why),) = faults_of(facts, Protocol(folds=5))

    assert place == ("folds",)
    assert why == (
        "3 groups leave the test part empty (5 folds, validation 0.2); "
        "use fewer folds or more groups"
    )
    assert "2 groups leave the validation part empty" in next(faults_of(
        DatasetFacts.of_numbers("regression", 300, (2,), groups=2), Protocol(folds=2)
    ))[1]  # fmt: skip
    assert not list(faults_of(facts, Protocol(folds=3)))


def test_few_distinct_rows_may_be_let_apart() -> None:
    facts = DatasetFacts.of_numbers("regression", 300, (2,), duplicates=296)

    ((_, why),) = faults_of(facts, Protocol(folds=5))

    assert why.startswith("4 distinct rows leave the test part empty")
    assert why.endswith('or let twins part: "split": {"duplicates": "apart"}')
    apart = Split(duplicates="apart")
    assert not list(faults_of(facts, Protocol(folds=5, split=apart)))


def test_time_has_one_order_and_one_direction() -> None:
    facts = DatasetFacts.of_numbers("regression", 300, (2,), ordered=True)

    found = dict(faults_of(facts, Protocol(folds=5, repeats=2, inner_folds=3)))

    assert "the order of time gives only one" in found["repeats",]
    assert "the latest 20% of each training part validates" in found["inner_folds",]


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("folds", [1, 5])
def test_sizes_are_those_of_the_parts(folds: int, ordered: bool) -> None:
    dataset = data(np.arange(1003) % 10, times=np.arange(1003) if ordered else None)
    protocol = Protocol(folds=folds)
    parts = parts_of(dataset, protocol, protocol.replicates())[protocol.replicates()[-1]]

    lengths = (len(parts.train), len(parts.validation), len(parts.test))

    expected = sizes(1003, protocol, ordered=ordered)
    assert all(abs(a - b) <= 2 for a, b in zip(lengths, expected, strict=True))


def test_examples_are_split_without_a_call_for_each() -> None:
    dataset = data(np.random.default_rng(0).integers(0, 10, 10**6))
    protocol = Protocol(folds=5, seeds=tuple(range(10)))

    work = calls(lambda: parts_of(dataset, protocol, protocol.replicates()))

    assert work < 50_000
