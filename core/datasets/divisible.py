"""What counts alone tell of a division, before the data is loaded: why it cannot be made."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from core.datasets.deal import Whole, apportioned, even
from core.datasets.source import DatasetFacts
from core.datasets.splits import DISTINCT, By, Protocol, empty

Fault = tuple[tuple[str, ...], str]  # where in the body, and what is wrong there


def faults_of(facts: DatasetFacts, protocol: Protocol) -> Iterator[Fault]:
    """Why this data cannot be divided as asked, where its counts tell.

    What only the data itself tells, `parts_of` finds: how large groups are, in what order classes
    come, and where a class falls without `split.stratify` or known counts.
    """
    way = protocol.split.way(grouped=facts.groups > 0, ordered=facts.ordered)
    if (way == "group" and not facts.groups) or (way == "time" and not facts.ordered):
        yield ("split", "by"), _no_column(way)
        return
    if way == "time":
        yield from _faults_in_time(protocol)
    if protocol.repeats > 1 and protocol.folds == 1:
        yield (
            ("repeats",),
            f"repeats {protocol.repeats} would partition the rows anew each time, and with one "
            f'held-out part there are no folds to draw again; give "folds": 5, or leave out '
            f"repeats",
        )
    if sentence := _empty_part(facts, protocol, way) or _lonely_class(facts, protocol, way):
        inner = protocol.folds == 1 and protocol.inner_folds
        yield ("inner_folds" if inner else "folds" if protocol.folds > 1 else "split",), sentence


def _no_column(way: By) -> str:
    column, noun = ("group", "groups") if way == "group" else ("time", "times")
    return (
        f'split.by is "{way}", and this dataset has no {noun}; name their column as "{column}" '
        f'when you upload it, or use "rows"'
    )


def _faults_in_time(protocol: Protocol) -> Iterator[Fault]:
    if protocol.repeats > 1:
        yield (
            ("repeats",),
            f"repeats {protocol.repeats} would draw other partitions, and the order of time gives "
            f'only one; leave out repeats, or set split.by to "rows"',
        )
    if protocol.inner_folds:
        yield (
            ("inner_folds",),
            f"inner_folds {protocol.inner_folds} would train on rows from after those that "
            f"validate; leave it out, and the latest {protocol.split.validation:.0%} of each "
            f"training part validates",
        )


def _empty_part(facts: DatasetFacts, protocol: Protocol, way: By) -> str | None:
    if way == "rows" and not _together(facts, protocol):
        return _empty_of_rows(facts, protocol)
    blocks = protocol.folds + 1 if way == "time" and protocol.folds > 1 else protocol.folds
    if way == "time":
        count, noun = facts.examples, "rows"
        rest = count // blocks if protocol.folds > 1 else count - _test_size(count, protocol)
    else:
        count = facts.groups if way == "group" else facts.examples - facts.duplicates
        noun = "groups" if way == "group" else DISTINCT
        rest = count - (-(-count // blocks) if protocol.folds > 1 else 1)
    counted = f"{count:,} {noun}"
    if blocks > count:
        return empty("test", counted, protocol)
    if rest < max(protocol.inner_folds or 0, 2):
        return empty("training" if rest < 1 else "validation", counted, protocol)
    return None


def _empty_of_rows(facts: DatasetFacts, protocol: Protocol) -> str | None:
    """Of rows that nothing ties together, counts tell everything."""
    counted = f"{facts.examples:,} rows"
    for rest_C in _rest(facts, protocol):
        rest, inner = int(rest_C.sum()), protocol.inner_folds
        least = rest // inner if inner else int(_validation(rest_C, protocol).sum())
        most = -(-rest // inner) if inner else least
        sizes = {"test": facts.examples - rest, "training": rest - most, "validation": least}
        for part, size in sizes.items():
            if size < 1:
                return empty(part, counted, protocol)
    return None


def _lonely_class(facts: DatasetFacts, protocol: Protocol, way: By) -> str | None:
    """That a class is too small to be in every training part."""
    if way == "time" or not facts.class_counts or not protocol.split.stratify:
        return None
    needed = 2 if protocol.inner_folds else 1
    counts = np.array(facts.class_counts)
    for rest_C in _rest(facts, protocol):
        few = np.flatnonzero((counts > 0) & (rest_C < needed))
        if len(few):
            return _lonely(facts, int(few[0]), protocol)
    return None


def _lonely(facts: DatasetFacts, number: int, protocol: Protocol) -> str:
    count = facts.class_counts[number]
    tests = "tests" if protocol.folds > 1 else "validates"
    way_out = "leave out inner_folds" if protocol.inner_folds else 'give "folds": 1'
    return (
        f'class "{facts.classes[number]}" has {count} of the {facts.examples:,} rows: a fold that '
        f"{tests} with it trains without it; give it more examples, or {way_out}"
    )


def _rest(facts: DatasetFacts, protocol: Protocol) -> Iterator[Whole]:
    """(C,) rows of each class that do not test: of each fold that differs."""
    by_class = protocol.split.stratify and bool(facts.class_counts)
    counts = np.array(facts.class_counts if by_class else [facts.examples])
    if protocol.folds == 1:
        yield counts - apportioned(protocol.split.test, counts)
    else:
        yield from counts - np.unique(even(counts, protocol.folds).T, axis=0)


def _validation(rest_C: Whole, protocol: Protocol) -> Whole:
    return apportioned(protocol.split.validation, rest_C)


def _test_size(rows: int, protocol: Protocol) -> int:
    return round(protocol.split.test * rows)


def _together(facts: DatasetFacts, protocol: Protocol) -> bool:
    """Whether rows are kept together because they are alike."""
    return protocol.split.duplicates == "together" and facts.duplicates > 0
