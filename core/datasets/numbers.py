"""Text to numbers, strictly: what Python's float() lets pass but data should not hold is refused.

float() reads "1_000", "nan", "infinity" and Arabic digits; here a number is ASCII decimal, finite
in 32 bits, and a whole number is small enough to be exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from core.datasets.upload_spec import quoted
from core.errors import Fault, InvalidSpec

FLOAT32_MAX = float(np.finfo(np.float32).max)
EXACT_MAX = 2.0**53  # beyond it neighbouring whole numbers share one float64
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)

MISSING = ("", "nan", "na", "n/a", "null", "none", "?")
TRUTHS = {"true": "1", "false": "0"}
_TRUTHS = {spelt: n for word, n in TRUTHS.items() for spelt in (word, word.title(), word.upper())}
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+", re.ASCII)

Where = Callable[[int, int], str]


class BadCell(InvalidSpec):
    """A cell that is no number, with what a caller who knows the file needs to say more."""

    def __init__(self, place: str, why: str, row: int, cell: str) -> None:
        detail = place + why
        super().__init__(detail, (Fault("", detail),))
        self.args = (place, why, row, cell)
        self.place, self.row, self.cell = place, row, cell

    @property
    def is_text(self) -> bool:
        return not is_number(self.cell) and not _DECIMAL_COMMA.fullmatch(self.cell.strip())


def is_missing(text: str) -> bool:
    """Whether a cell says that there is no value."""
    return text.strip().lower() in MISSING


def is_number(text: str) -> bool:
    """Whether the text is an ASCII decimal number; spaces around it are allowed."""
    return _NUMBER.fullmatch(text.strip()) is not None


def parse_numbers(
    rows: Sequence[Sequence[str]], where: Where, *, truths: bool = False
) -> NDArray[np.float64]:
    """All cells as one flat array, row by row; with `truths` true and false are 1 and 0.

    BadCell names the first bad cell by `where(row, column)`. Whole blocks are read at C speed;
    only a block with something suspicious in it is looked at cell by cell.
    """
    text = "".join(chain.from_iterable(rows))
    if text.isascii() and "_" not in text:
        values = _at_once(chain.from_iterable(rows))
        if values is None and truths:
            values = _at_once(_TRUTHS.get(cell, cell) for cell in chain.from_iterable(rows))
        if values is not None and bool((np.abs(values) < EXACT_MAX).all()):
            return values
    cells = (
        _parsed(TRUTHS.get(cell.strip().lower(), cell) if truths else cell, where, i, j)
        for i, row in enumerate(rows)
        for j, cell in enumerate(row)
    )
    return np.fromiter(cells, np.float64)


def _at_once(cells: Iterable[str]) -> NDArray[np.float64] | None:
    """The numbers, or None where a cell is none: who looks at each cell says what is wrong."""
    try:
        return np.fromiter(map(float, cells), np.float64)
    except ValueError:
        return None


def _parsed(cell: str, where: Where, row: int, column: int) -> float:
    stripped = cell.strip()
    why = _fault(stripped)
    if why is not None:
        raise BadCell(where(row, column), why, row, cell)
    return float(stripped)


def _fault(cell: str) -> str | None:
    """What is wrong with a cell, to be said after its place."""
    if not cell:
        return " is empty; fill it or leave the row out"
    if not is_number(cell):
        return f": {_not_a_number(cell)}"
    value = float(cell)
    if abs(value) > FLOAT32_MAX:
        return f": {quoted(cell)} is too large for a 32-bit float"
    if abs(value) >= EXACT_MAX and _WHOLE.fullmatch(cell):
        return (
            f": {quoted(cell)} is a whole number too large to be exact; "
            "if it is an identifier, leave its column out with `ignore`"
        )
    return None


def _not_a_number(cell: str) -> str:
    if is_missing(cell) or cell.lower().lstrip("+-") in ("nan", "inf", "infinity"):
        return f"{quoted(cell)} is not a finite number; fill it or leave the row out"
    if _DECIMAL_COMMA.fullmatch(cell):
        point = cell.replace(",", ".")
        return f"{quoted(cell)} is not a number: it has a decimal comma; write {point}"
    return f"{quoted(cell)} is not a number"
