"""From an uploaded target to a task: class numbers with names, or real outputs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets.numbers import EXACT_MAX, FLOAT32_MAX, is_number, parse_numbers
from core.datasets.source import Targets, Task
from core.datasets.upload_spec import NAME_CHARS_MAX, UploadLimits, quoted
from core.errors import InvalidSpec

CLASSES_GUESSED_MAX = 20  # more different whole numbers than this are taken for quantities
RARE_EXAMPLES = 5  # a class with fewer is hardly learned and hardly tested

At = Callable[[int], str]


@dataclass(frozen=True, eq=False)
class TargetColumn:
    """targets: int64 (N,) with `classes` named and counted in order, or float32 (N, outputs)."""

    task: Task
    targets: Targets
    classes: tuple[str, ...]
    class_counts: tuple[int, ...]
    warnings: tuple[str, ...]


def column_of_text(
    cells: list[str], task: Task | None, limits: UploadLimits, at: At
) -> TargetColumn:
    """Text as a target. `at(i)` says where example i's target stands.

    A column that is mostly numbers is numbers; text in between is refused by its place.
    """
    counts = Counter(cells)
    numeric = sum(count for cell, count in counts.items() if is_number(cell))
    if task == "regression" or (task is None and 2 * numeric > len(cells)):
        return column_of_numbers(_numbers(cells, task, at), task, limits, at)
    if numeric == len(cells) and all(abs(float(cell)) < EXACT_MAX for cell in counts):
        return column_of_numbers(_numbers(cells, task, at), task, limits, at)
    names = {cell: cell.strip() for cell in counts}
    classes = sorted(set(names.values()))
    limits.check("classes_max", len(classes), "the number of classes")
    for cell, name in names.items():
        if not name or len(name) > NAME_CHARS_MAX or not name.isprintable():
            raise _unfit_for_a_class(name, at(cells.index(cell)))
    position = {name: number for number, name in enumerate(classes)}
    numbers = {cell: position[name] for cell, name in names.items()}
    targets = np.fromiter((numbers[cell] for cell in cells), np.int64, len(cells))
    return _classification(targets, tuple(classes), limits, ())


def column_of_numbers(
    values: NDArray[np.generic], task: Task | None, limits: UploadLimits, at: At
) -> TargetColumn:
    """Numbers, (N,) or (N, outputs), as a target."""
    if values.ndim > 2:
        raise InvalidSpec.at("/target", f"the target has {values.ndim} axes; give it one or two")
    if values.ndim == 2 and values.shape[1] == 1:
        values = values[:, 0]
    _check_finite(values, at)
    if values.ndim == 2:
        return _several_outputs(values, task)
    distinct, targets = np.unique(values, return_inverse=True)
    whole = bool((distinct == np.floor(distinct)).all())
    warnings: tuple[str, ...] = ()
    if task is None:
        task = "regression"
        if whole:
            task = "classification" if len(distinct) <= CLASSES_GUESSED_MAX else "regression"
            warnings = (
                f"the target has {len(distinct)} different whole numbers and was taken for "
                f"{task}; say `task` if that is wrong",
            )
    if task == "classification":
        names = tuple(str(int(v)) if whole else str(v) for v in distinct.tolist())
        return _classification(targets.astype(np.int64), names, limits, warnings)
    return _regression(values[:, None], warnings)


def _numbers(cells: list[str], task: Task | None, at: At) -> NDArray[np.float64]:
    try:
        return parse_numbers([cells], lambda _, j: at(j))
    except InvalidSpec as error:
        if task == "regression":
            raise
        raise InvalidSpec.at(
            "",
            f"{error.detail}; most of the target is numbers: mend this one, "
            "or set task to classification if they name classes",
        ) from None


def _unfit_for_a_class(name: str, place: str) -> InvalidSpec:
    if not name:
        return InvalidSpec.at("", f"{place} is empty; fill it or leave the row out")
    return InvalidSpec.at(
        "",
        f"{place}: {quoted(name)} cannot name a class; "
        f"names are printable and at most {NAME_CHARS_MAX} characters",
    )


def _check_finite(values: NDArray[np.generic], at: At) -> None:
    if values.dtype.kind != "f":
        return
    bad = np.flatnonzero(~(np.abs(values) <= FLOAT32_MAX))
    if len(bad):
        example = int(bad[0]) // (values.shape[1] if values.ndim == 2 else 1)
        raise InvalidSpec.at(
            "", f"{at(example)} is {values.flat[bad[0]]}, not a finite 32-bit number"
        )


def _several_outputs(values: NDArray[np.generic], task: Task | None) -> TargetColumn:
    one_hot = bool(((values == 0) | (values == 1)).all() and (values.sum(1) == 1).all())
    if task == "classification" or (task is None and one_hot):
        raise InvalidSpec.at(
            "/target",
            f"the target has {values.shape[1]} columns; give one class number per "
            "example (argmax of one-hot rows), or set task to regression",
        )
    return _regression(values, ())


def _regression(values: NDArray[np.generic], warnings: tuple[str, ...]) -> TargetColumn:
    targets = np.ascontiguousarray(values, np.float32)
    constant = np.flatnonzero(targets.min(0) == targets.max(0))
    if len(constant):
        raise InvalidSpec.at(
            "/target",
            f"the target is {targets[0, constant[0]]:g} in every example; "
            "there is nothing to learn",
        )
    return TargetColumn("regression", targets, (), (), warnings)


def _classification(
    targets: NDArray[np.int64],
    classes: tuple[str, ...],
    limits: UploadLimits,
    warnings: tuple[str, ...],
) -> TargetColumn:
    if len(classes) < 2:
        raise InvalidSpec.at(
            "/target",
            f"the target is {quoted(classes[0])} in every example; "
            "a classification needs two classes",
        )
    limits.check("classes_max", len(classes), "the number of classes")
    counts = np.bincount(targets, minlength=len(classes))
    rare = np.flatnonzero(counts < RARE_EXAMPLES)
    if len(rare):
        warnings += (
            f"{len(rare)} of {len(classes)} classes have fewer than {RARE_EXAMPLES} examples, "
            f"the first is {quoted(classes[rare[0]])} with {counts[rare[0]]}",
        )
    return TargetColumn("classification", targets, classes, tuple(counts.tolist()), warnings)
