"""CSV, by our own rules: every row as wide as the header, every feature cell a finite number.

Row numbers in messages count as a spreadsheet does: the first row of the file is row 1.
Python's csv module splits the rows: 100,000 rows of 50 columns take about 3 seconds in all. pyarrow
and others are faster, but guess about ragged rows, duplicate columns and late type changes.
"""

from __future__ import annotations

import csv
import json
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import TextIO

import numpy as np

from core.datasets.bad_cells import explained
from core.datasets.belonging import Told
from core.datasets.delimiter import NAMES, find_delimiter, looks_separated_by
from core.datasets.numbers import BadCell, is_number, parse_numbers
from core.datasets.source import Features
from core.datasets.upload_spec import NAME_CHARS_MAX, Delimiter, UploadLimits, UploadSpec, quoted
from core.errors import InvalidSpec, TooLarge

BLOCK_ROWS = 2048  # converted at once: large enough for C speed, small enough to keep its text
LINE_CHARS_MAX = 8 * 2**20  # a line break every 8 MB at the latest, so that memory stays bounded


@dataclass(frozen=True, eq=False)
class Table:
    """A CSV file read: features (N, D), the target's cells as text, and the columns' names.

    group, time: those columns; None where there is none.
    ignored: names of the columns left out; warnings: what had to be assumed.
    """

    features: Features
    target: list[str]
    feature_names: tuple[str, ...]
    target_name: str
    group: Told | None
    time: Told | None
    first_row: int  # the spreadsheet number of the first example
    delimiter: Delimiter
    ignored: tuple[str, ...]
    warnings: tuple[str, ...]


def read_csv(path: Path, spec: UploadSpec, limits: UploadLimits) -> Table:
    """InvalidSpec or TooLarge names the row and the column that cannot be read."""
    if spec.features is not None:
        raise InvalidSpec.at(
            "/features",
            "features names an array of an NPZ file; a CSV file uses every column "
            "but the target, the group, the time and those in `ignore`",
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _Reader(file, spec, limits).table()
    except UnicodeDecodeError:
        raise _undecodable(path) from None


@dataclass(frozen=True, eq=False)
class Texts:
    """Some columns of a CSV file, cell by cell as they stand there, and their names, by role."""

    cells: dict[str, list[str]]
    names: dict[str, str]
    first_row: int  # the spreadsheet number of the first example
    delimiter: Delimiter
    warnings: tuple[str, ...]


def read_texts(
    path: Path,
    columns: Mapping[str, str | int],
    *,
    header: bool,
    delimiter: Delimiter | None,
    limits: UploadLimits,
) -> Texts:
    """The columns, by role. InvalidSpec or TooLarge names the row and the column at fault."""
    spec = UploadSpec(header=header, delimiter=delimiter)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _Reader(file, spec, limits).texts(columns)
    except UnicodeDecodeError:
        raise _undecodable(path) from None


class _Reader:
    """The rows of one file, one after another."""

    def __init__(self, file: TextIO, spec: UploadSpec, limits: UploadLimits) -> None:
        self.spec, self.limits = spec, limits
        self.delimiter, self.warnings = find_delimiter(file, spec.delimiter)
        self.lines = csv.reader(_bounded_lines(file), delimiter=self.delimiter, strict=True)
        self.number = 0  # of the row read last
        self.first_row = 2 if spec.header else 1

    def table(self) -> Table:
        names, rows = self._columns()
        roles, kept = _roles(names, self.spec)
        numbers, texts = self._cells(rows, names, kept, list(dict.fromkeys(roles.values())))
        labels = texts[roles["target"]]
        if not labels:
            raise InvalidSpec.at("", "the file has no rows of data")
        features = np.frombuffer(numbers, np.float32).reshape(len(labels), len(kept))
        told = {role: Told(names[column], texts[column]) for role, column in roles.items()}
        used = {*roles.values(), *kept}
        return Table(
            features,
            labels,
            tuple(names[column] for column in kept),
            told["target"].name,
            told.get("group"),
            told.get("time"),
            self.first_row,
            self.delimiter,
            tuple(name for i, name in enumerate(names) if i not in used),
            self.warnings,
        )

    def texts(self, columns: Mapping[str, str | int]) -> Texts:
        names, rows = self._columns()
        places = {name: place for place, name in enumerate(names)}
        found = {role: _found(places, column, f"/{role}") for role, column in columns.items()}
        cells: dict[str, list[str]] = {role: [] for role in found}
        size = 0
        for row in rows:
            for role, place in found.items():
                cells[role].append(row[place].strip())
                size += len(row[place])
            self.limits.check("unpacked_bytes_max", size, "the data's size in characters")
        if not next(iter(cells.values())):
            raise InvalidSpec.at("", "the file has no rows of data")
        named = {role: names[place] for role, place in found.items()}
        return Texts(cells, named, self.first_row, self.delimiter, self.warnings)

    def _columns(self) -> tuple[list[str], Iterator[list[str]]]:
        """The columns' names and the rows of data, all of the same width."""
        first = next(self._rows(), None)
        if first is None:
            raise InvalidSpec.at("", "the file is empty")
        self.limits.check("columns_max", len(first), "the number of columns")
        if len(first) == 1 and self.spec.delimiter and (seen := looks_separated_by(first[0])):
            raise InvalidSpec.at(
                "/delimiter",
                f"by this delimiter the first row is one cell, {quoted(first[0])}; it seems to be "
                f'separated by {NAMES[seen]}s: say "delimiter": {json.dumps(seen)}',
            )
        if self.spec.header:
            names = [cell.strip() for cell in first]
            _check_names(names)
            self.warnings += _doubts(names)
            return names, self._wide(self._rows(), len(names), "the header")
        names = [f"x{i}" for i in range(len(first))]
        return names, self._wide(chain([first], self._rows()), len(names), "the first row")

    def _rows(self) -> Iterator[list[str]]:
        """Rows as lists of cells; blank lines may stand at the end of the file only."""
        blank = None
        while True:
            try:
                row = next(self.lines, None)
            except csv.Error as error:
                raise InvalidSpec.at("", f"row {self.number + 1} is not CSV: {error}") from None
            if row is None:
                return
            self.number += 1
            self.limits.check("rows_max", self.number, "the number of rows")  # blank ones too
            if not row:
                blank = blank or self.number
                continue
            if blank is not None:
                raise InvalidSpec.at("", f"row {blank} is blank, and data follows it; delete it")
            yield row

    def _wide(self, rows: Iterator[list[str]], width: int, like: str) -> Iterator[list[str]]:
        for row in rows:
            if len(row) != width:
                raise InvalidSpec.at(
                    "", f"row {self.number} has {_cells(len(row))}, {like} has {width}"
                )
            yield row

    def _cells(
        self, rows: Iterator[list[str]], names: list[str], kept: list[int], as_text: list[int]
    ) -> tuple[array[float], dict[int, list[str]]]:
        """Feature cells as float32, row by row; those of some columns as text, by column."""
        pick = _picker(kept)
        numbers: array[float] = array("f")
        texts: dict[int, list[str]] = {column: [] for column in as_text}
        known: dict[str, str] = {}  # one copy of each cell's text, however often it occurs
        start, read = self.first_row, 0
        while block := list(islice(rows, BLOCK_ROWS)):
            start, read = start + read, len(block)
            for column, cells_of in texts.items():
                cells_of += [known.setdefault(row[column], row[column]) for row in block]

            def where(i: int, j: int, start: int = start) -> str:
                return f"row {start + i}, column {quoted(names[kept[j]])}"

            cells = [pick(row) for row in block]
            try:
                values = parse_numbers(cells, where, truths=True)
            except BadCell as bad:
                kept_names = [names[column] for column in kept]
                rest = (list(pick(row)) for row in rows)
                raise explained(bad, kept_names, cells, rest) from None
            numbers.frombytes(values.astype(np.float32).tobytes())
            self.limits.check("unpacked_bytes_max", 4 * len(numbers), "the data's size in bytes")
        return numbers, texts


def _bounded_lines(file: TextIO) -> Iterator[str]:
    while line := file.readline(LINE_CHARS_MAX):
        if len(line) == LINE_CHARS_MAX:
            raise TooLarge(f"a line is longer than {LINE_CHARS_MAX:,} characters")
        yield line


def _check_names(names: list[str]) -> None:
    if all(is_number(name) for name in names):
        raise InvalidSpec.at(
            "/header", "the first row holds only numbers; if it is data, set header to false"
        )
    places: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if not name:
            raise InvalidSpec.at(
                "",
                f"column {number} has no name; name it in the first row, "
                "or leave it out when writing the file (a row index, perhaps)",
            )
        if len(name) > NAME_CHARS_MAX or not name.isprintable():
            raise InvalidSpec.at(
                "",
                f"column {number} is called {quoted(name)}; "
                f"names are printable and at most {NAME_CHARS_MAX} characters",
            )
        if name in places:
            way_out = (
                "set header to false, if the first row is data"
                if is_number(name)
                else ("rename one")
            )
            raise InvalidSpec.at(
                "",
                f"columns {places[name]} and {number} are both called {quoted(name)}; {way_out}",
            )
        places[name] = number


def _doubts(names: list[str]) -> tuple[str, ...]:
    numbers = [name for name in names if is_number(name)]
    if not numbers:
        return ()
    return (
        f"the first row was taken for names, and {len(numbers)} of {len(names)} of them are "
        f"numbers, the first is {quoted(numbers[0])}; if it is data, set header to false",
    )


def _found(places: Mapping[str, int], column: str | int, pointer: str) -> int:
    """The position of a column given by name or number."""
    if isinstance(column, int):
        if not -len(places) <= column < len(places):
            raise InvalidSpec.at(
                pointer, f"there is no column {column}; the file has {len(places)} columns"
            )
        return column % len(places)
    if column in places:
        return places[column]
    known = list(islice(places, 1000))
    near = get_close_matches(column, known, 1)
    hint = f"did you mean {quoted(near[0])}?" if near else f"the first is {quoted(known[0])}"
    raise InvalidSpec.at(pointer, f"no column is called {quoted(column)}; {hint}")


def _roles(names: list[str], spec: UploadSpec) -> tuple[dict[str, int], list[int]]:
    """The positions of the target, group and time, and of the feature columns."""
    places = {name: place for place, name in enumerate(names)}
    roles = {"target": _found(places, -1 if spec.target is None else spec.target, "/target")}
    for role, column in (("group", spec.group), ("time", spec.time)):
        if column is not None:
            roles[role] = _found(places, column, f"/{role}")
            if roles[role] == roles["target"]:
                raise InvalidSpec.at(
                    f"/{role}", f"column {quoted(names[roles[role]])} is the target; name another"
                )
    ignored = {_found(places, column, f"/ignore/{i}"): i for i, column in enumerate(spec.ignore)}
    for role, place in roles.items():
        if place in ignored:
            raise InvalidSpec.at(
                f"/ignore/{ignored[place]}", f"column {quoted(names[place])} is the {role}"
            )
    kept = [i for i in range(len(names)) if i not in roles.values() and i not in ignored]
    if not kept:
        target = quoted(names[roles["target"]])
        raise InvalidSpec.at("", f"no feature is left beside the target {target}; give it some")
    return roles, kept


def _picker(kept: list[int]) -> Callable[[list[str]], Sequence[str]]:
    """A function from a row to its cells at `kept`."""
    if kept == list(range(kept[0], kept[-1] + 1)):  # a slice copies a wide row fastest
        return itemgetter(slice(kept[0], kept[-1] + 1))
    return itemgetter(*kept)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count} cells"


def _undecodable(path: Path) -> InvalidSpec:
    """Which row is not UTF-8; found by a second pass over the bytes, as decoding runs ahead."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return InvalidSpec.at(
                    "",
                    f"row {number} is not UTF-8 text (byte 0x{line[error.start]:02x} at "
                    f"place {error.start + 1}); save the file as UTF-8",
                )
    return InvalidSpec.at("", "the file is not UTF-8 text; save it as UTF-8")
