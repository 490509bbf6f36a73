"""Which examples train, validate and test: index sets per replicate, decided by seeds alone.

Every example gets a rank within its class from a random key; the parts are cuts of that ranking.
So parts are disjoint and cover, class shares are kept to within one example, and asking for
another fraction moves as few examples as possible.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.datasets.source import DatasetFacts, Targets, Task
from core.term import Wire

SPLIT_PURPOSE = 0x53504C49  # "SPLI": keeps this stream apart from others with the same seed
TRAIN, VALIDATION, TEST = range(3)
Indices = NDArray[np.int64]
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True)]


class Split(Wire):
    """How examples are divided; fractions are of all examples.

    With `folds`, `validation` is not used: each fold in turn validates, outside the test part.
    The parts depend on `seed` alone, so that a job's seeds are compared on the same test part;
    with `resample` every seed of the job draws its own parts.
    """

    validation: Fraction = 0.2
    test: Fraction = 0.2
    stratify: Annotated[bool, Field(strict=True)] = True
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)] = 0
    resample: Annotated[bool, Field(strict=True)] = False

    @model_validator(mode="after")
    def _leaves_some_for_training(self) -> Self:
        if self.validation + self.test >= 1:
            raise PydanticCustomError(
                "split",
                "validation and test together take {share} of the examples; "
                "leave some for training: their sum should be less than 1",
                {"share": f"{self.validation + self.test:g}"},
            )
        return self


@dataclass(frozen=True, eq=False)
class Replicate:
    """The parts that one seed (and fold) sees: disjoint ascending indices that cover the data."""

    seed: int
    fold: int | None
    train: Indices
    validation: Indices
    test: Indices


def replicates(
    targets: Targets,
    task: Task,
    seeds: Sequence[int],
    folds: int | None,
    split: Split,
    names: Sequence[str] = (),
) -> tuple[Replicate, ...]:
    """One replicate per seed and fold, seed-major. `names` of the classes are for errors.

    Without `split.resample` all seeds share the same arrays. Classes are kept in proportion when
    `split.stratify`, and every class is in every training part, or ValueError says why not.
    """
    classes = np.zeros(len(targets), np.int64)
    if task == "classification":
        classes = targets.astype(np.int64)
    try:
        if not split.resample:
            shared = _parts(classes, folds, split, [split.seed, SPLIT_PURPOSE])
            return tuple(Replicate(s, f, *parts) for s in seeds for f, parts in shared)
        return tuple(
            Replicate(seed, fold, *parts)
            for seed in seeds
            for fold, parts in _parts(classes, folds, split, [split.seed, SPLIT_PURPOSE, seed])
        )
    except _AbsentClass as error:
        raise ValueError(error.sentence(names)) from None


class _AbsentClass(ValueError):
    """A class that no training part holds, known by its number."""

    def __init__(self, number: int, why: str) -> None:
        super().__init__(number, why)
        self.number, self.why = number, why

    def sentence(self, names: Sequence[str]) -> str:
        known = f'"{names[self.number]}"' if names else f"number {self.number}"
        return f"class {known} {self.why}"


def sizes(examples: int, folds: int | None, split: Split) -> tuple[int, int, int]:
    """Examples in (training, validation, test), within a few: for estimates before loading."""
    test = _share(split.test, examples)
    validation = (examples - test) // folds if folds else _share(split.validation, examples)
    return examples - test - validation, validation, test


def fault_of(facts: DatasetFacts, folds: int | None, split: Split) -> str | None:
    """Why this data cannot be divided as asked, where its counts tell; else None.

    What only the data itself tells, `replicates` finds: without `split.stratify`, or where the
    counts of classes are not known, chance decides which part a class falls in.
    """
    by_class = split.stratify and bool(facts.class_counts)
    counts = np.array(facts.class_counts if by_class else [facts.examples])
    test_counts = _apportioned(split.test, counts, counts)
    room = counts - test_counts
    test, rest = int(test_counts.sum()), int(room.sum())
    least, most = rest // folds if folds else 0, -(-rest // folds) if folds else 0
    if folds is None:
        least = most = int(_apportioned(split.validation, counts, room).sum())
    for name, size in (("training", rest - most), ("validation", least), ("test", test)):
        if size < 1:
            return _empty(name, facts.examples, folds, split)
    lonely = np.flatnonzero(room == 1)
    if by_class and folds and len(lonely):
        return (
            f'class "{facts.classes[lonely[0]]}" has {counts[lonely[0]]} of the '
            f"{facts.examples} examples, one of them outside the test part: the fold that "
            f"validates with it trains without it; give it more examples, or leave out folds"
        )
    return None


def _share(fraction: float, examples: int) -> int:
    return round(fraction * examples)


def _parts(
    classes: Indices, folds: int | None, split: Split, entropy: list[int]
) -> list[tuple[int | None, tuple[Indices, Indices, Indices]]]:
    """(fold, (train, validation, test)) for each fold, or for the one split without folds."""
    labels = classes if split.stratify else np.zeros(len(classes), np.int64)
    order, counts = _shuffled_within_classes(labels, entropy)
    rank = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    test_counts = _apportioned(split.test, counts, counts)
    in_test = rank < np.repeat(test_counts, counts)
    if folds is None:
        room = counts - test_counts
        ends = test_counts + _apportioned(split.validation, counts, room)
        in_validation = [~in_test & (rank < np.repeat(ends, counts))]
    else:
        turn = np.cumsum(~in_test) % folds
        in_validation = [~in_test & (turn == fold) for fold in range(folds)]
    found = []
    for fold, validates in enumerate(in_validation):
        part = np.empty(len(labels), np.int8)
        part[order] = np.where(in_test, TEST, np.where(validates, VALIDATION, TRAIN))
        parts = tuple(np.flatnonzero(part == name) for name in (TRAIN, VALIDATION, TEST))
        train, validation, test = parts
        _check(classes, train, validation, test, folds, split)
        found.append((fold if folds else None, (train, validation, test)))
    return found


def _shuffled_within_classes(labels: Indices, entropy: list[int]) -> tuple[Indices, Indices]:
    """Indices sorted by class, in random order within each; and the classes' counts.

    Keys are raw words of the bit generator, whose stream numpy promises never to change;
    `Generator.permutation` carries no such promise.
    """
    words = np.random.PCG64(np.random.SeedSequence(entropy)).random_raw(len(labels))
    return np.lexsort((words, labels)), np.bincount(labels)


def _apportioned(fraction: float, counts: Indices, room: Indices) -> Indices:
    """How many of each class to take: largest remainders, always leaving one of each class.

    fraction: of `counts`; room: how many of each class may still be taken, less one.
    """
    quota = fraction * counts
    most = np.maximum(room - 1, 0)
    taken: Indices = np.minimum(np.floor(quota).astype(np.int64), most)
    remainder = np.where(taken < most, quota - taken, -1.0)
    missing = _share(fraction, int(counts.sum())) - int(taken.sum())
    best_first = np.argsort(-remainder, kind="stable")[: max(missing, 0)]
    taken[best_first[remainder[best_first] > 0]] += 1
    return taken


def _check(
    classes: Indices,
    train: Indices,
    validation: Indices,
    test: Indices,
    folds: int | None,
    split: Split,
) -> None:
    """ValueError where a part is empty or a class cannot be learned."""
    for name, part in (("training", train), ("validation", validation), ("test", test)):
        if len(part) == 0:
            raise ValueError(_empty(name, len(classes), folds, split))
    absent = np.flatnonzero(
        (np.bincount(classes) > 0) & (np.bincount(classes[train], minlength=classes.max() + 1) == 0)
    )
    if len(absent):
        way_out = "give it more examples" if split.stratify else "set split.stratify to true"
        raise _AbsentClass(
            int(absent[0]),
            f"has no example in a training part ({_described(folds, split)}); {way_out}",
        )


def _empty(part: str, examples: int, folds: int | None, split: Split) -> str:
    way_out = "fewer folds" if folds else "other fractions"
    return (
        f"{examples} examples leave the {part} part empty "
        f"({_described(folds, split)}); use {way_out} or more examples"
    )


def _described(folds: int | None, split: Split) -> str:
    parts = f"{folds} folds" if folds else f"validation {split.validation:g}"
    return f"{parts}, test {split.test:g}"
