"""Which rows train, validate and test in each replicate: index sets, decided by seeds alone.

With k folds every row is tested exactly once per repeat. The rows that do not test are divided
again: a share of them validates, or each of the inner folds in turn. Seeds share all parts.

Rows that belong together are in one part: rows with the same features, byte for byte (else a model
is tested on what it has seen), and rows of one group. Data ordered in time is tested on what comes
after the training part: k + 1 blocks, of which all but the first test; there, order alone decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from core.datasets.deal import Rows, folds_of, share_of
from core.datasets.source import Dataset
from core.datasets.together import alike, joined
from core.term import Wire

OUTER_PURPOSE = 0x53504C49  # "SPLI": keeps this stream apart from others with the same seed
INNER_PURPOSE = 0x494E4E45  # "INNE"
DRAW_PURPOSE = 0x44524157  # "DRAW"
DISTINCT = "distinct rows"  # what is divided where rows that are alike stay together
Indices = NDArray[np.int64]
Fraction = Annotated[float, Field(gt=0, lt=1, strict=True)]
By = Literal["rows", "group", "time"]


class Split(Wire):
    """How rows are divided. What tests does not depend on the seeds of the job.

    test: the share of all rows that tests where `folds` is 1.
    validation: the share that validates of the rows that do not test, without `inner_folds`.
    by: `group` keeps the rows of a group together, `time` trains on what comes before; auto: by
        group or time where the data has them.
    duplicates: whether rows with the same features are kept together (never in order of time).
    """

    validation: Fraction = 0.2
    test: Fraction = 0.2
    stratify: Annotated[bool, Field(strict=True)] = True
    by: Literal["auto", "rows", "group", "time"] = "auto"
    duplicates: Literal["together", "apart"] = "together"
    seed: Annotated[int, Field(ge=0, le=2**32 - 1, strict=True)] = 0

    def way(self, *, grouped: bool, ordered: bool) -> By:
        """What rows are divided by, of data that has groups or times."""
        if self.by != "auto":
            return self.by
        return "group" if grouped else "time" if ordered else "rows"


@dataclass(frozen=True)
class Replicate:
    """One training of a setting: which parts of the data it sees, and what it draws.

    fold: None where one part is held out. inner_fold: None where one part validates.
    """

    seed: int
    repeat: int = 0
    fold: int | None = None
    inner_fold: int | None = None

    @property
    def draw_seed(self) -> int:
        """32 bits that initial weights, minibatches and noise are drawn from.

        Other numbers in each replicate, the same for all arms and settings. With one held-out part
        it is `seed` itself; else a hash of all four (numpy's SeedSequence, which is stable).
        """
        if (self.repeat, self.fold, self.inner_fold) == (0, None, None):
            return self.seed
        entropy = [self.seed, DRAW_PURPOSE, self.repeat, _from_1(self.fold)]
        words = np.random.SeedSequence([*entropy, _from_1(self.inner_fold)]).generate_state(1)
        return int(words[0])


@dataclass(frozen=True)
class Protocol:
    """What a job says of its replicates; `folds` 1 is one held-out part."""

    seeds: tuple[int, ...] = (0,)
    repeats: int = 1
    folds: int = 1
    inner_folds: int | None = None
    split: Split = field(default_factory=Split)

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Protocol:  # Any: JSON
        """From a resolved document."""
        return cls(
            seeds=tuple(document["seeds"]),
            repeats=document["repeats"],
            folds=document["folds"],
            inner_folds=document["inner_folds"],
            split=Split.model_validate(document["split"]),
        )

    @property
    def count(self) -> int:
        """How many runs each setting has."""
        return len(self.seeds) * self.repeats * self.folds * (self.inner_folds or 1)

    def replicates(self) -> tuple[Replicate, ...]:
        """All of a setting's: seed-major, then repeats, folds and inner folds."""
        folds = range(self.folds) if self.folds > 1 else (None,)
        inner_folds = range(self.inner_folds) if self.inner_folds else (None,)
        return tuple(
            Replicate(*place)
            for place in product(self.seeds, range(self.repeats), folds, inner_folds)
        )


@dataclass(frozen=True, eq=False)
class Parts:
    """Ascending row numbers, disjoint. They cover the data, save where time orders it: of what
    comes later than the test part nothing is used."""

    train: Indices
    validation: Indices
    test: Indices


def parts_of(
    dataset: Dataset, protocol: Protocol, wanted: Iterable[Replicate]
) -> dict[Replicate, Parts]:
    """The parts of these replicates; seeds share the arrays.

    Every class is in every training part, and no part is empty, or ValueError says why not.
    """
    divided = _Divided(dataset, protocol)
    made: dict[tuple[int, int | None, int | None], Parts] = {}
    found = {}
    for replicate in wanted:
        place = replicate.repeat, replicate.fold, replicate.inner_fold
        if place not in made:
            made[place] = divided.parts(*place)
        found[replicate] = made[place]
    return found


def padded(parts: Sequence[Indices]) -> tuple[Indices, NDArray[np.bool_]]:
    """(S, N) parts side by side, the shorter ones with their last row again; and what is there."""
    longest = max(map(len, parts))
    index_SN = np.stack([np.pad(rows, (0, longest - len(rows)), mode="edge") for rows in parts])
    return index_SN, np.stack([np.arange(longest) < len(rows) for rows in parts])


def units_of(dataset: Dataset, split: Split) -> Indices:
    """(N,) equal numbers for rows that no part comes between; all different in order of time."""
    way = split.way(grouped=dataset.groups is not None, ordered=dataset.times is not None)
    apart = split.duplicates == "apart"
    if way == "time" or (way == "rows" and apart):
        return np.arange(dataset.facts.examples)
    if way == "rows":
        return alike(dataset.inputs)
    assert dataset.groups is not None, "a split by group of data without groups"
    return dataset.groups if apart else joined(alike(dataset.inputs), dataset.groups)


def sizes(examples: int, protocol: Protocol, *, ordered: bool = False) -> tuple[int, int, int]:
    """Rows in (training, validation, test), within a few: for estimates before loading.

    Of data in order of time: of the last fold, whose training part is the largest.
    """
    if protocol.folds > 1:
        test = examples // (protocol.folds + (1 if ordered else 0))
    else:
        test = round(protocol.split.test * examples)
    rest = examples - test
    inner = protocol.inner_folds
    validation = rest // inner if inner else round(protocol.split.validation * rest)
    return rest - validation, validation, test


class _Divided:
    """A dataset as a protocol divides it; what folds share is computed once."""

    def __init__(self, dataset: Dataset, protocol: Protocol) -> None:
        self._dataset, self._protocol = dataset, protocol
        split = protocol.split
        self._way = split.way(grouped=dataset.groups is not None, ordered=dataset.times is not None)
        rows = dataset.facts.examples
        classes = dataset.facts.task == "classification"
        self._class_N = dataset.targets.astype(np.int64) if classes else np.zeros(rows, np.int64)
        self._label_N = self._class_N if split.stratify else np.zeros(rows, np.int64)
        self._unit_N = units_of(dataset, split)
        self._outer: dict[int, Indices] = {}

    def parts(self, repeat: int, fold: int | None, inner_fold: int | None) -> Parts:
        if self._way == "time":
            before, test = self._in_time(fold)
        else:
            tests_N = self._tests(repeat) == (fold or 0)
            before, test = np.flatnonzero(~tests_N), np.flatnonzero(tests_N)
        validates = self._validates(before, repeat, fold, inner_fold)
        parts = Parts(before[~validates], before[validates], test)
        self._check(parts)
        return parts

    def _tests(self, repeat: int) -> Indices:
        """(N,) the fold that tests each row; 0 tests where one part is held out."""
        if repeat not in self._outer:
            split, folds = self._protocol.split, self._protocol.folds
            entropy = [split.seed, OUTER_PURPOSE, repeat]
            rows = Rows.drawn(self._label_N, self._unit_N, entropy)
            self._outer[repeat] = (
                folds_of(rows, folds) if folds > 1 else (~share_of(rows, split.test)).astype(int)
            )
        return self._outer[repeat]

    def _validates(
        self, before: Indices, repeat: int, fold: int | None, inner_fold: int | None
    ) -> NDArray[np.bool_]:
        """Of the rows that do not test, those that validate."""
        split, folds = self._protocol.split, self._protocol.inner_folds
        if not len(before):
            return np.zeros(0, np.bool_)
        if self._way == "time":
            return self._latest(split.validation, before)
        entropy = [split.seed, INNER_PURPOSE, repeat, _from_1(fold)]
        rows = Rows.drawn(self._label_N[before], self._unit_N[before], entropy)
        if folds is None:
            return share_of(rows, split.validation)
        validates: NDArray[np.bool_] = folds_of(rows, folds) == inner_fold
        return validates

    def _in_time(self, fold: int | None) -> tuple[Indices, Indices]:
        """What comes before the test part, and the test part. Equal times are in one part."""
        rows, blocks = len(self._class_N), self._protocol.folds + 1
        if fold is None:
            tests_N = self._latest(self._protocol.split.test, np.arange(rows))
            return np.flatnonzero(~tests_N), np.flatnonzero(tests_N)
        block_N = self._last_N() * blocks // rows
        return np.flatnonzero(block_N <= fold), np.flatnonzero(block_N == fold + 1)

    def _latest(self, share: float, of: Indices) -> NDArray[np.bool_]:
        """Of these rows, the latest: this share, and more where many have the same time."""
        latest: NDArray[np.bool_] = self._last_N(of) >= len(of) - round(share * len(of))
        return latest

    def _last_N(self, of: Indices | slice = slice(None)) -> Indices:
        """How many of these rows come before the last of each row's time."""
        assert self._dataset.times is not None, "a split by time of data without times"
        times = self._dataset.times[of]
        return np.searchsorted(np.sort(times), times, side="right") - 1

    def _check(self, parts: Parts) -> None:
        """ValueError where a part is empty or a class cannot be learned."""
        named = {"training": parts.train, "validation": parts.validation, "test": parts.test}
        for name, part in named.items():
            if len(part) == 0:
                raise ValueError(empty(name, f"{len(self._class_N):,} rows", self._protocol))
        learned = np.bincount(self._class_N[parts.train], minlength=self._class_N.max() + 1) > 0
        absent = np.flatnonzero((np.bincount(self._class_N) > 0) & ~learned)
        if len(absent):
            raise ValueError(self._absent(int(absent[0])))

    def _absent(self, number: int) -> str:
        names: Sequence[str] = self._dataset.facts.classes
        known = f'"{names[number]}"' if names else f"number {number}"
        if self._way == "time":
            way_out = "use fewer folds, or more data from before"
        elif not self._protocol.split.stratify:
            way_out = "set split.stratify to true"
        else:
            way_out = (
                "give it more examples, or more groups"
                if self._way == "group"
                else ("give it more examples")
            )
        described = described_of(self._protocol)
        return f"class {known} has no example in a training part ({described}); {way_out}"


def empty(part: str, counted: str, protocol: Protocol) -> str:
    """That a part is left empty, and the way out. counted: `4 groups`."""
    folds = protocol.folds > 1 or protocol.inner_folds
    way_out = "fewer folds" if folds else "other fractions"
    noun = counted.partition(" ")[2]
    apart = ', or let twins part: "split": {"duplicates": "apart"}' if noun == DISTINCT else ""
    return (
        f"{counted} leave the {part} part empty ({described_of(protocol)}); "
        f"use {way_out} or more {noun}{apart}"
    )


def described_of(protocol: Protocol) -> str:
    """How a job divides its data, in a few words."""
    split, folds, inner = protocol.split, protocol.folds, protocol.inner_folds
    outer = f"{folds} folds" if folds > 1 else f"test {split.test:g}"
    return f"{outer}, {f'{inner} inner folds' if inner else f'validation {split.validation:g}'}"


def _from_1(place: int | None) -> int:
    return 0 if place is None else place + 1
