"""Tables of the commands: one line for each row, whole in a pipe, cut to fit a terminal."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from shutil import get_terminal_size

from occam.table import columns

LEAST_CUT = 8  # characters that a cut column keeps, however narrow the terminal


def print_table(
    headings: Sequence[str], rows: Iterable[Iterable[object]], *, empty: str, cut: str = ""
) -> None:
    """Plain columns, or `empty`. cut: the heading of the column that gives way on a terminal."""
    cells = [tuple(_cell(value) for value in row) for row in rows]
    if not cells:
        print(empty)
        return
    if cut and sys.stdout.isatty():
        cells = _fitted(headings, cells, list(headings).index(cut))
    print("\n".join(columns([headings, *cells])))


def _fitted(
    headings: Sequence[str], rows: Sequence[Sequence[str]], cut: int
) -> list[tuple[str, ...]]:
    """The rows with that column as wide as the terminal leaves it."""
    whole = max(map(len, columns([headings, *rows])))
    widest = max(len(row[cut]) for row in rows)
    room = max(LEAST_CUT, widest - max(0, whole - get_terminal_size().columns))
    return [(*row[:cut], _shortened(row[cut], room), *row[cut + 1 :]) for row in rows]


def _shortened(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 1] + "…"


def _cell(value: object) -> str:
    if value is None:
        return "–"
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return " ".join(text.split())  # a name may hold line breaks; a row is one line
