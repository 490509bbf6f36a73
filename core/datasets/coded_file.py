"""A table of texts, or of interactions, becomes a dataset of tokens or ids."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.datasets.belonging import At, Groups, Times, Told, groups_of, times_of
from core.datasets.coded_spec import InteractionsSpec, TextSpec
from core.datasets.csv_file import Texts, read_texts
from core.datasets.fields import RESERVED, Field
from core.datasets.read import Read
from core.datasets.source import Coded, Dataset, DatasetFacts
from core.datasets.target_column import TargetColumn, column_of_text
from core.datasets.together import duplicates
from core.datasets.upload_spec import Column, UploadLimits, quoted
from core.datasets.words import as_ids, as_tokens, known_words, numbers_of, split
from core.errors import InvalidSpec


def read_text(path: Path, spec: TextSpec, limits: UploadLimits) -> Read:
    """InvalidSpec or TooLarge names the row and the column that cannot be read."""
    target = -1 if spec.target is None else spec.target
    table = _columns(path, spec, {"text": spec.text, "target": target, "group": spec.group}, limits)
    if table.names["text"] == table.names["target"]:
        raise InvalidSpec.at("/text", f"column {quoted(table.names['text'])} is the target")
    texts = [split(text, spec.tokens) for text in table.cells["text"]]
    longest = max(map(len, texts))
    length = max(1, min(spec.length, longest))
    limits.check("columns_max", length, "the words of the longest text")
    limits.check("unpacked_bytes_max", 4 * length * len(texts), "the data's size in bytes")
    words = known_words(texts)
    if not words:
        raise InvalidSpec.at(
            "/text", f"no word of column {quoted(table.names['text'])} is in two texts"
        )
    size = RESERVED + min(spec.vocabulary, len(words))
    field = Field(
        "text", "tokens", (length,), known=RESERVED + len(words), size=size, by=spec.tokens
    )
    target_column = column_of_text(
        table.cells["target"], spec.task, limits, _place(table, "target")
    )
    tokens = as_tokens(texts, numbers_of(words), length)
    warnings = table.warnings + target_column.warnings + _doubts_of_texts(texts, spec)
    read = _read(table, {field: tokens}, target_column, {"text": words}, warnings)
    return replace(read, told={**read.told, "task": target_column.task})


def read_interactions(path: Path, spec: InteractionsSpec, limits: UploadLimits) -> Read:
    """InvalidSpec or TooLarge names the row and the column that cannot be read."""
    roles: dict[str, Column | None] = {"user": spec.user, "item": spec.item, "target": spec.rating}
    table = _columns(path, spec, roles, limits)
    if len({table.names[role] for role in roles}) < len(roles):
        raise InvalidSpec.at("", "user, item and rating are three columns; name each")
    rating = column_of_text(table.cells["target"], "regression", limits, _place(table, "target"))
    inputs: dict[Field, Coded] = {}
    words: dict[str, tuple[str, ...]] = {}
    warnings = table.warnings + rating.warnings
    for role in ("user", "item"):
        cells = table.cells[role]
        _refuse_empty(cells, table, role)
        words[role] = known_words([[cell] for cell in cells])
        if not words[role]:
            raise InvalidSpec.at(f"/{role}", f"every {role} is there once; nothing can be learned")
        known = RESERVED + len(words[role])
        inputs[Field(role, "ids", (), known=known, size=known)] = as_ids(
            cells, numbers_of(words[role])
        )
        once = len(set(cells)) - len(words[role])
        if once:
            warnings += (f"{once:,} of {len(set(cells)):,} {role}s are there once: all are one",)
    return _read(table, inputs, rating, words, warnings)


def _columns(
    path: Path,
    spec: TextSpec | InteractionsSpec,
    roles: Mapping[str, Column | None],
    limits: UploadLimits,
) -> Texts:
    wanted = {**roles, "time": spec.time}
    named = {role: column for role, column in wanted.items() if column is not None}
    return read_texts(path, named, header=spec.header, delimiter=spec.delimiter, limits=limits)


def _place(table: Texts, role: str) -> At:
    return lambda i: f"row {table.first_row + i}, column {quoted(table.names[role])}"


def _refuse_empty(cells: list[str], table: Texts, role: str) -> None:
    if "" in cells:
        raise InvalidSpec.at("", f"{_place(table, role)(cells.index(''))} is empty; name a {role}")


def _doubts_of_texts(texts: list[list[str]], spec: TextSpec) -> tuple[str, ...]:
    cut = sum(len(words) > spec.length for words in texts)
    empty = sum(not words for words in texts)
    doubts = []
    if cut:
        doubts.append(
            f"{cut:,} of {len(texts):,} texts are longer than {spec.length:,} {spec.tokens}s; the "
            "rest of them is not read"
        )
    if empty:
        doubts.append(f"{empty:,} of {len(texts):,} texts are empty")
    return tuple(doubts)


def _read(
    table: Texts,
    inputs: Mapping[Field, Coded],
    column: TargetColumn,
    words: Mapping[str, tuple[str, ...]],
    warnings: tuple[str, ...],
) -> Read:
    arrays = {field.name: array for field, array in inputs.items()}
    groups, times = _belonging(table)
    facts = DatasetFacts(
        column.task,
        len(column.targets),
        tuple(inputs),
        column.classes,
        column.class_counts,
        groups=0 if groups is None else int(groups.max()) + 1,
        ordered=times is not None,
        duplicates=duplicates(arrays),
    )
    dataset = Dataset(facts, arrays, column.targets, groups, times, words)
    told: dict[str, object] = {
        ("rating" if role == "target" else role): name for role, name in table.names.items()
    }
    if "text" in table.names:
        told["target"] = told.pop("rating")
    return Read(dataset, warnings, {**told, "delimiter": table.delimiter})


def _belonging(table: Texts) -> tuple[Groups | None, Times | None]:
    told = {role: Told(table.names[role], cells) for role, cells in table.cells.items()}
    group, time = told.get("group"), told.get("time")
    return (
        None if group is None else groups_of(group.values, _place(table, "group")),
        None if time is None else times_of(time.values, _place(table, "time")),
    )
