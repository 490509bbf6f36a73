"""Columns that say which rows belong together, or which comes first: groups and times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.datasets.numbers import is_missing, is_number, parse_numbers
from core.datasets.upload_spec import quoted
from core.errors import InvalidSpec

At = Callable[[int], str]
Groups = NDArray[np.int64]
Times = NDArray[np.float64] | NDArray[np.int64]
Values = Sequence[str] | NDArray[np.generic]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, eq=False)
class Told:
    """A column of the file that is no feature, and what it is called there."""

    name: str
    values: Values


def groups_of(values: Values, at: At) -> Groups:
    """(N,) group numbers from 0, in the order of the groups' names. `at(i)` says where row i's
    name stands. InvalidSpec: one is missing, or there is one group only."""
    if isinstance(values, np.ndarray) and values.dtype.kind not in "US":
        _check_finite(values, at)
        names, numbers = np.unique(values, return_inverse=True)
    else:
        cells = [cell.strip() for cell in _texts(values, at)]
        _check_there(cells, at)
        names, numbers = np.unique(np.array(cells, dtype=object), return_inverse=True)
    if len(names) < 2:
        raise InvalidSpec.at(
            "/group", f"every row is of group {quoted(str(names[0]))}; leave group out"
        )
    return numbers.astype(np.int64).ravel()


def times_of(values: Values, at: At) -> Times:
    """(N,) what ascends with time: numbers as they are, ISO dates as microseconds since 1970.

    InvalidSpec: one is missing or neither, or all are the same.
    """
    if isinstance(values, np.ndarray) and values.dtype.kind not in "US":
        _check_finite(values, at)
        times = _plain(values)
    else:
        times = _of_text(_texts(values, at), at)
    if (times == times[0]).all():
        raise InvalidSpec.at("/time", "every row has the same time; leave time out")
    return times


def _plain(values: NDArray[np.generic]) -> Times:
    if values.dtype.kind == "f":
        return values.astype(np.float64).ravel()
    return values.astype(np.int64).ravel()


def _of_text(cells: list[str], at: At) -> Times:
    _check_there(cells, at)
    if is_number(cells[0]):
        return parse_numbers([cells], lambda _, i: at(i))
    known: dict[str, int] = {}
    aware = _date(cells[0], at(0)).tzinfo is not None
    for i, cell in enumerate(cells):
        if cell not in known:
            known[cell] = _microseconds(_date(cell, at(i)), at(i), aware=aware)
    return np.fromiter((known[cell] for cell in cells), np.int64, len(cells))


def _date(cell: str, place: str) -> datetime:
    try:
        return datetime.fromisoformat(cell.strip())
    except ValueError:
        raise InvalidSpec.at(
            "", f"{place}: {quoted(cell)} is no time; write a number, or a date as 2026-01-31"
        ) from None


def _microseconds(date: datetime, place: str, *, aware: bool) -> int:
    if (date.tzinfo is not None) != aware:
        raise InvalidSpec.at(
            "", f"{place}: some times say their zone and some do not; write all in one way"
        )
    since = (date if aware else date.replace(tzinfo=UTC)) - EPOCH
    return since // MICROSECOND


def _texts(values: Values, at: At) -> list[str]:
    found = values.ravel().tolist() if isinstance(values, np.ndarray) else values
    try:
        return [cell.decode() if isinstance(cell, bytes) else cell for cell in found]
    except ValueError:
        raise InvalidSpec.at("", f"{at(0)} is not UTF-8 text") from None


def _check_there(cells: list[str], at: At) -> None:
    absent = next((i for i, cell in enumerate(cells) if is_missing(cell)), None)
    if absent is not None:
        raise InvalidSpec.at("", f"{at(absent)} has no value; fill it or leave the row out")


def _check_finite(values: NDArray[np.generic], at: At) -> None:
    if values.dtype.kind == "f":
        bad = np.flatnonzero(~np.isfinite(values))
        if len(bad):
            raise InvalidSpec.at("", f"{at(int(bad[0]))} is {values.flat[bad[0]]}, not a number")
