"""How a client says an uploaded file should be read, and how much of it we are willing to read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from core.datasets.source import Task
from core.errors import TooLarge
from core.term import Wire

NAME_CHARS_MAX = 200  # of datasets, columns and classes: they are shown in tables and figures

Name = Annotated[str, Field(min_length=1, max_length=NAME_CHARS_MAX)]
Column = Name | Annotated[int, Field(ge=-100_000, le=100_000, strict=True)]
Delimiter = Literal[",", ";", "\t", "|"]
Side = Annotated[int, Field(ge=1, le=4096, strict=True)]


class Image(Wire):
    """Every example is an image: flat numbers are read channel by channel, row by row."""

    height: Side
    width: Side
    channels: Annotated[int, Field(ge=1, le=64, strict=True)] = 1


class UploadSpec(Wire):
    """What the file is. All of it may be left out for a CSV file whose last column is the target.

    name: shown in lists and reports.
    format: `csv` or `npz`; told from the file's first bytes when null.
    task: told from the target when null: text and a few whole numbers are classes.
    target: CSV: the column's name, or its number from 0 (-1 is the last, the default).
        NPZ: the array's name; by default `y`, `target` or `targets`.
    features: NPZ: the array's name; by default `x`, `X` or `features`.
    ignore: CSV: columns to leave out, by name or number.
    group: the column (NPZ: the array; by default `group`) that says which rows belong together, as
        patient or site: no split comes between them. It is no feature.
    time: the column (NPZ: the array; by default `time`) of numbers or ISO dates that says which
        rows come first: models are tested on what comes after. It is no feature.
    header: CSV: whether the first row names the columns.
    delimiter: CSV: what stands between cells; told from the first rows when null.
    image: reshape every example to (channels, height, width).
    """

    name: Name | None = None
    format: Literal["csv", "npz"] | None = None
    task: Task | None = None
    target: Column | None = None
    features: Name | None = None
    group: Column | None = None
    time: Column | None = None
    ignore: Annotated[tuple[Column, ...], Field(max_length=10_000)] = ()
    header: Annotated[bool, Field(strict=True)] = True
    delimiter: Delimiter | None = None
    image: Image | None = None

    def canonical(self) -> bytes:
        """The same bytes for the same spec, defaults filled in."""
        document = self.model_dump(mode="json")
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


@dataclass(frozen=True)
class UploadLimits:
    """How large an upload may turn out to be; each is a setting `OCCAM_UPLOAD_<FIELD>`."""

    rows_max: int = 5_000_000
    columns_max: int = 200_000  # numbers per example: 3 x 256 x 256 pixels fit
    classes_max: int = 1_000
    unpacked_bytes_max: int = 2 * 2**30  # after decompression, as float32 or as stored

    def check(self, limit: str, value: int, what: str) -> None:
        """TooLarge, naming the setting, where `value` is over the limit."""
        most: int = getattr(self, limit)
        if value > most:
            raise TooLarge(
                f"{what} is {value:,}, and at most {most:,} are read "
                f"(the limit is OCCAM_UPLOAD_{limit.upper()})"
            )


def quoted(text: str) -> str:
    """A client's text inside a sentence: never at length, nothing unprintable."""
    shown = text if len(text) <= 40 else f"{text[:37]}..."
    return repr(shown)
