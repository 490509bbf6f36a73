"""Text to numbers, strictly: what Python's float() lets pass but data should not hold is refused.

float() reads "1_000", "nan", "infinity" and Arabic digits; here a number is ASCII decimal, finite
in 32 bits, and a whole number is small enough to be exact.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from core.datasets.upload_spec import quoted
from core.errors import InvalidSpec

FLOAT32_MAX = float(np.finfo(np.float32).max)
EXACT_MAX = 2.0**53  # beyond it neighbouring whole numbers share one float64
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_WHOLE = re.compile(r"[+-]?\d+", re.ASCII)

Where = Callable[[int, int], str]


def is_number(text: str) -> bool:
    """Whether the text is an ASCII decimal number; spaces around it are allowed."""
    return _NUMBER.fullmatch(text.strip()) is not None


def parse_numbers(rows: Sequence[Sequence[str]], where: Where) -> NDArray[np.float64]:
    """All cells as one flat array, row by row.

    InvalidSpec names the first bad cell by `where(row, column)`. Whole blocks are read at C speed;
    only a block with something suspicious in it is looked at cell by cell.
    """
    text = "".join(chain.from_iterable(rows))
    if text.isascii() and "_" not in text:
        try:
            values = np.fromiter(map(float, chain.from_iterable(rows)), np.float64)
        except ValueError:
            pass  # the scan below finds the cell and says what is wrong with it
        else:
            if bool((np.abs(values) < EXACT_MAX).all()):
                return values
    cells = (_parsed(cell, where, i, j) for i, row in enumerate(rows) for j, cell in enumerate(row))
    return np.fromiter(cells, np.float64)


def _parsed(cell: str, where: Where, row: int, column: int) -> float:
    stripped = cell.strip()
    if not stripped:
        raise InvalidSpec.at("", f"{where(row, column)} is empty; fill it or leave the row out")
    if not is_number(stripped):
        raise InvalidSpec.at("", f"{where(row, column)}: {_not_a_number(stripped)}")
    value = float(stripped)
    if abs(value) > FLOAT32_MAX:
        raise InvalidSpec.at(
            "", f"{where(row, column)}: {quoted(stripped)} is too large for a 32-bit float"
        )
    if abs(value) >= EXACT_MAX and _WHOLE.fullmatch(stripped):
        raise InvalidSpec.at(
            "",
            f"{where(row, column)}: {quoted(stripped)} is a whole number too large to be exact; "
            "if it is an identifier, leave its column out with `ignore`",
        )
    return value


def _not_a_number(cell: str) -> str:
    if cell.lower().lstrip("+-") in ("nan", "na", "n/a", "null", "none", "?", "inf", "infinity"):
        return f"{quoted(cell)} is not a finite number; fill it or leave the row out"
    return f"{quoted(cell)} is not a number"
