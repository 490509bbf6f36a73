import time

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.datasets import DatasetFacts, Replicate, Split, replicates, sizes
from core.datasets.splits import fault_of


@st.composite
def problems(draw: st.DrawFn) -> tuple[np.ndarray, Split, int | None]:
    counts = draw(st.lists(st.integers(1, 60), min_size=1, max_size=6))
    targets = np.random.default_rng(draw(st.integers(0, 99))).permutation(
        np.repeat(np.arange(len(counts)), counts)
    )
    split = Split(
        validation=draw(st.floats(0.05, 0.45)),
        test=draw(st.floats(0.05, 0.45)),
        stratify=draw(st.booleans()),
        seed=draw(st.integers(0, 2**32 - 1)),
        resample=draw(st.booleans()),
    )
    return targets, split, draw(st.none() | st.integers(2, 6))


def replicated(
    targets: np.ndarray, split: Split, folds: int | None, seeds: tuple[int, ...] = (0, 1, 2)
) -> tuple[Replicate, ...]:
    try:
        return replicates(targets, "classification", seeds, folds, split)
    except ValueError:
        assume(False)
        raise


@settings(deadline=None)
@given(problems())
def test_parts_are_disjoint_cover_and_ascend(
    problem: tuple[np.ndarray, Split, int | None],
) -> None:
    targets, split, folds = problem

    for replicate in replicated(targets, split, folds):
        parts = (replicate.train, replicate.validation, replicate.test)
        assert all(part.dtype == np.int64 and (np.diff(part) > 0).all() for part in parts)
        together = np.sort(np.concatenate(parts))
        np.testing.assert_array_equal(together, np.arange(len(targets)))


@settings(deadline=None)
@given(problems())
def test_every_class_is_in_every_training_part(
    problem: tuple[np.ndarray, Split, int | None],
) -> None:
    targets, split, folds = problem

    for replicate in replicated(targets, split, folds):
        assert set(targets[replicate.train]) == set(targets)


@settings(deadline=None)
@given(problems())
def test_stratified_class_shares_are_within_one_example(
    problem: tuple[np.ndarray, Split, int | None],
) -> None:
    targets, split, _ = problem
    assume(split.stratify)
    counts = np.bincount(targets)

    for replicate in replicated(targets, split, None):
        test = np.bincount(targets[replicate.test], minlength=len(counts))
        validation = np.bincount(targets[replicate.validation], minlength=len(counts))
        assert (np.abs(test - split.test * counts) <= 1).all()
        enough = counts - test - split.validation * counts > 2
        assert (np.abs(validation - split.validation * counts)[enough] <= 1).all()


@settings(deadline=None)
@given(problems())
def test_folds_partition_what_is_not_test_evenly(
    problem: tuple[np.ndarray, Split, int | None],
) -> None:
    targets, split, folds = problem
    assume(folds is not None)

    found = replicated(targets, split, folds, seeds=(7,))

    assert [replicate.fold for replicate in found] == list(range(folds or 0))
    validations = [replicate.validation for replicate in found]
    lengths = [len(validation) for validation in validations]
    assert max(lengths) - min(lengths) <= 1
    rest = np.setdiff1d(np.arange(len(targets)), found[0].test)
    np.testing.assert_array_equal(np.sort(np.concatenate(validations)), rest)
    if split.stratify:
        for number in np.unique(targets):
            shares = [int((targets[v] == number).sum()) for v in validations]
            assert max(shares) - min(shares) <= 1


@settings(deadline=None)
@given(problems())
def test_parts_are_the_same_for_every_seed_unless_resampled(
    problem: tuple[np.ndarray, Split, int | None],
) -> None:
    targets, split, folds = problem
    fixed = split.model_copy(update={"resample": False})

    first, second, _ = replicated(targets, fixed, None)

    np.testing.assert_array_equal(first.test, second.test)
    np.testing.assert_array_equal(first.train, second.train)
    with_folds = replicated(targets, fixed, folds)
    assert all(np.array_equal(replicate.test, first.test) for replicate in with_folds)


def test_resampling_gives_every_seed_its_own_parts_whatever_its_neighbours() -> None:
    targets = np.arange(300) % 3
    split = Split(resample=True)

    alone = replicates(targets, "classification", (5,), None, split)[0]
    first, second = replicates(targets, "classification", (4, 5), None, split)

    np.testing.assert_array_equal(alone.test, second.test)
    assert not np.array_equal(first.test, second.test)


def test_a_split_is_the_same_on_every_machine_and_version() -> None:
    targets = np.arange(12) % 2

    found = replicates(targets, "classification", (0,), None, Split(seed=1))[0]

    assert (found.validation.tolist(), found.test.tolist()) == ([3, 10], [6, 7])


def test_replicates_are_seed_major() -> None:
    found = replicates(np.zeros((20, 1), np.float32), "regression", (3, 1), 2, Split())

    assert [(r.seed, r.fold) for r in found] == [(3, 0), (3, 1), (1, 0), (1, 1)]


def test_a_class_of_one_example_is_for_training() -> None:
    targets = np.array([0] * 20 + [1])

    found = replicates(targets, "classification", range(20), None, Split(resample=True))

    assert all(20 in replicate.train for replicate in found)


@pytest.mark.parametrize(
    ("targets", "folds", "fields", "sentence"),
    [
        ([0, 1, 0, 1], 4, {}, "leave the validation part empty .4 folds"),
        ([0], None, {}, "leave the validation part empty|leave the test part empty"),
        ([0] * 50 + [1], 3, {}, "class number 1 has no example .* give it more examples"),
        ([0] * 99 + [1], None, {"stratify": False, "seed": 5, "test": 0.97, "validation": 0.02},
         "class number 1 has no example in a training part .* set split.stratify to true"),
    ],
)  # fmt: skip
def test_what_cannot_be_split_is_refused_in_a_sentence(
    targets: list[int], folds: int | None, fields: dict[str, float], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence):
        replicates(np.array(targets), "classification", (0,), folds, Split(**fields))


COUNTS = st.lists(st.integers(1, 12), min_size=2, max_size=6)
FRACTION = st.sampled_from([0.01, 0.1, 0.2, 0.4, 0.49])


@settings(max_examples=300, deadline=None)
@given(COUNTS, st.sampled_from([None, 2, 3, 5]), FRACTION, FRACTION, st.booleans())
def test_counts_alone_foretell_what_cannot_be_split(
    counts: list[int], folds: int | None, validation: float, test: float, stratify: bool
) -> None:
    split = Split(validation=validation, test=test, stratify=stratify)
    targets = np.repeat(np.arange(len(counts)), counts)
    names = tuple(f"c{i}" for i in range(len(counts)))
    facts = DatasetFacts("classification", len(targets), (1,), names, tuple(counts))

    fault = fault_of(facts, folds, split)

    said = ""
    try:
        replicates(targets, "classification", range(3), folds, split)
    except ValueError as error:
        said = str(error)
    by_chance = not stratify and "no example in a training part" in said
    assert (fault is not None) == (said != "" and not by_chance)


def test_a_split_leaves_something_for_training() -> None:
    with pytest.raises(ValidationError, match=r"together take 1.1 .* leave some for training"):
        Split(validation=0.6, test=0.5)


@pytest.mark.parametrize("folds", [None, 5])
def test_sizes_are_those_of_the_parts(folds: int | None) -> None:
    found = replicates(np.arange(1003) % 10, "classification", (0,), folds, Split())[0]

    lengths = (len(found.train), len(found.validation), len(found.test))

    expected = sizes(1003, folds, Split())
    assert all(abs(a - b) <= 1 for a, b in zip(lengths, expected, strict=True))


def test_a_million_examples_are_split_in_a_moment() -> None:
    targets = np.random.default_rng(0).integers(0, 10, 10**6)

    start = time.process_time()
    replicates(targets, "classification", range(100), 5, Split())

    assert time.process_time() - start < 3  # 0.4 s on an idle machine


def test_a_class_without_training_examples_is_called_by_its_name() -> None:
    targets = np.array([0] * 50 + [1])

    with pytest.raises(ValueError, match='class "rare" has no example in a training part'):
        replicates(targets, "classification", (0,), 3, Split(), ("common", "rare"))
