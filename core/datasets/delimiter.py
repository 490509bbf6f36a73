"""What stands between the cells of a CSV file: said by the spec, by Excel's first line, or seen."""

from __future__ import annotations

import csv
import io
import re
from typing import TextIO, get_args

from core.datasets.upload_spec import Delimiter

DELIMITERS: tuple[Delimiter, ...] = get_args(Delimiter)
SAMPLE_CHARS = 64 * 1024
SAMPLE_ROWS = 20
NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_EXCEL = re.compile(r"sep=(.)\r?\n?")  # the first line that tells Excel, and that Excel never shows


def find_delimiter(file: TextIO, given: Delimiter | None) -> tuple[Delimiter, tuple[str, ...]]:
    """The delimiter, and what its owner should know of it; leaves the file at its first row."""
    sample = file.read(SAMPLE_CHARS)
    file.seek(0)
    said = _EXCEL.fullmatch(sample.partition("\n")[0])
    if said:
        file.readline()
        sample = sample.partition("\n")[2]
    if given is not None:
        return given, ()
    if said and said[1] in DELIMITERS:
        return next(d for d in DELIMITERS if d == said[1]), ()
    found = _seen(sample, whole=len(sample) < SAMPLE_CHARS)
    if found == ",":
        return found, ()
    taken = f"{NAMES[found]}s were taken for what stands between cells; say `delimiter` if that"
    return found, (f"{taken} is wrong",)


def looks_separated_by(text: str) -> Delimiter | None:
    """The delimiter that occurs in the name of what should be one column."""
    return max((d for d in DELIMITERS if d in text), key=text.count, default=None)


def _seen(sample: str, *, whole: bool) -> Delimiter:
    """What gives all rows as many cells, and the most of them; the comma where several do.

    Where nothing does, what cuts the first row best: then the rows that differ are told by number.
    """
    lines = list(io.StringIO(sample, newline=""))
    if not whole and len(lines) > 1:
        lines.pop()
    widths = {d: _widths(lines[:SAMPLE_ROWS], d) for d in DELIMITERS}
    even = {d: found[0] for d, found in widths.items() if len(set(found)) == 1 and found[0] > 1}
    first = {d: found[0] for d, found in widths.items() if found}
    candidates = even or first
    return max(candidates, key=lambda d: candidates[d], default=",")


def _widths(lines: list[str], delimiter: Delimiter) -> list[int]:
    """Cells of each row; 0 for the first that cannot be read so."""
    widths: list[int] = []
    try:
        for row in csv.reader(lines, delimiter=delimiter, strict=True):
            widths += [len(row)] if row else []
    except csv.Error:
        widths.append(0)
    return widths
