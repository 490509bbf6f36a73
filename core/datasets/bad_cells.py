"""What to say of a cell that is no number: how much else is like it, and the way out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from core.datasets.numbers import BadCell, is_missing, is_number
from core.datasets.upload_spec import quoted
from core.errors import InvalidSpec, TooLarge

LISTED_MAX = 5  # columns named in one sentence


def explained(
    bad: BadCell, names: Sequence[str], block: Sequence[Sequence[str]], rest: Iterable[list[str]]
) -> InvalidSpec:
    """The error for the first bad cell of a file.

    names: of the feature columns; block: their cells, from its first row on; rest: what follows.
    """
    if is_missing(bad.cell):
        return InvalidSpec.at("", f"{bad.place}{_missing(bad, names, block, rest)}")
    if bad.is_text:
        return InvalidSpec.at("", f"{bad.detail}; {_text(names, block[bad.row])}")
    return InvalidSpec(bad.detail, bad.faults)


def _missing(
    bad: BadCell, names: Sequence[str], block: Sequence[Sequence[str]], rest: Iterable[list[str]]
) -> str:
    counts: Counter[int] = Counter()
    for row in _until_broken(block, rest):
        counts.update(i for i, cell in enumerate(row) if is_missing(cell))
    cell = bad.cell.strip()
    what = f": {quoted(cell)} is not a finite number" if cell else " is empty"
    total = counts.total()
    missing = "1 cell is" if total == 1 else f"{total:,} cells are"
    columns = ", ".join(f"{quoted(names[i])}: {n:,}" for i, n in counts.most_common(LISTED_MAX))
    more = ", …" if len(counts) > LISTED_MAX else ""
    return (
        f"{what}; {missing} missing ({columns}{more}): fill them, leave their rows out, "
        f"or leave the columns out with {_ignoring([names[i] for i in counts])}"
    )


def _until_broken(
    block: Sequence[Sequence[str]], rest: Iterable[list[str]]
) -> Iterator[Sequence[str]]:
    """The rows, as far as they can be read: one mistake at a time."""
    yield from block
    with suppress(InvalidSpec, TooLarge):
        yield from rest


def _text(names: Sequence[str], row: Sequence[str]) -> str:
    texts = [names[i] for i, cell in enumerate(row) if not is_number(cell) and not is_missing(cell)]
    return f"features are numbers: write it as one, or leave it out with {_ignoring(texts)}"


def _ignoring(columns: Sequence[str]) -> str:
    shown = [name if len(name) <= 40 else f"{name[:37]}..." for name in columns[:LISTED_MAX]]
    listed = json.dumps(shown, ensure_ascii=False)
    return f'"ignore": {listed}' if len(columns) <= LISTED_MAX else f'"ignore": {listed[:-1]}, …]'
