"""What a job's division of its data can and cannot show: sentences for whoever asks beforehand."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

from core.datasets import DatasetFacts, Protocol, Split, sizes
from core.spec.check import default_metric, is_imbalanced
from core.spec.job import JobSpec
from core.spec.protocol import FOLDS, HELD_OUT_MIN, protocol_of

DISAGREE = 0.1  # two models of like accuracy answer otherwise for about a tenth of the rows
DEVIATIONS = 1.96  # of a 95 % interval


def doubts_of_protocol(spec: JobSpec, facts: DatasetFacts) -> Iterator[str]:
    """Of a settled specification."""
    protocol = protocol_of(spec)
    yield from _unused(protocol)
    if protocol.folds == 1 and facts.examples < FOLDS * HELD_OUT_MIN:
        yield _too_small(protocol, facts)
    if facts.duplicates:
        yield _duplicates(protocol, facts)
    if facts.groups and protocol.split.by != "group":
        yield (
            f'split.by is "{protocol.split.by}", so rows of one of the {facts.groups:,} groups may '
            'both train and test, and scores promise more than new groups will give; use "group"'
        )
    if is_imbalanced(facts.class_counts):
        yield _imbalanced(str(spec.select.metric), facts)


def _unused(protocol: Protocol) -> Iterator[str]:
    split, untouched = protocol.split, Split()
    if protocol.folds > 1 and split.test != untouched.test:
        yield (
            f"split.test {split.test:g} is not used, since each of {protocol.folds} folds in turn "
            'tests; leave it out, or give "folds": 1'
        )
    if protocol.inner_folds and split.validation != untouched.validation:
        yield (
            f"split.validation {split.validation:g} is not used, since each of "
            f"{protocol.inner_folds} inner folds in turn validates; leave out one of the two"
        )


def _too_small(protocol: Protocol, facts: DatasetFacts) -> str:
    _, _, test = sizes(facts.examples, protocol)
    what = "which rows they are shows in every score"
    if facts.task == "classification":
        points = 100 * DEVIATIONS * sqrt(DISAGREE / max(test, 1))
        what = f"differences under about {points:.2g} points of accuracy cannot be told"
    return f'one held-out part of {test:,} rows tests: {what}; "folds": {FOLDS} tests every row'


def _duplicates(protocol: Protocol, facts: DatasetFacts) -> str:
    has = "has" if facts.duplicates == 1 else "have"
    said = f"{facts.duplicates:,} of {facts.examples:,} rows {has} the features of an earlier row"
    if protocol.split.duplicates == "together" and protocol.split.by != "time":
        return f"{said}; rows that are alike stay in one part, so that none is tested as seen"
    return f"{said}, and may be tested by models that have trained on that one"


def _imbalanced(metric: str, facts: DatasetFacts) -> str:
    count = max(facts.class_counts)
    name = facts.classes[facts.class_counts.index(count)]
    said = (
        f'{count / sum(facts.class_counts):.0%} of the rows are of class "{name}", and always '
        "answering it has that accuracy"
    )
    better = default_metric(facts.task, facts.class_counts)
    if metric == "val_accuracy":
        return f'{said}; choose by another measure: "select": {{"metric": "{better}"}}'
    return f"{said}; {metric} chooses"
