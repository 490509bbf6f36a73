"""How a client says that a table holds texts, or interactions of users and items."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field

from core.datasets.images_spec import ImagesSpec
from core.datasets.source import Task
from core.datasets.upload_spec import Column, Delimiter, Name, UploadSpec
from core.datasets.words import KNOWN_MAX
from core.term import Wire


class CodedSpec(Wire):
    """What tables of texts and of interactions share.

    name: shown in lists and reports.
    time: the column of numbers or ISO dates that says which rows come first.
    header: whether the first row names the columns.
    delimiter: what stands between cells; told from the first rows when null.
    """

    name: Name | None = None
    time: Column | None = None
    header: Annotated[bool, Field(strict=True)] = True
    delimiter: Delimiter | None = None

    def canonical(self) -> bytes:
        """The same bytes for the same spec, defaults filled in."""
        document = self.model_dump(mode="json")
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


class TextSpec(CodedSpec):
    """A table with a column of texts and one of labels.

    text: the texts' column, by name or number from 0.
    target: the column of labels, or of numbers; the last one by default.
    task: told from the target when null.
    group: the column that says which texts belong together, as author or thread.
    tokens: a text is words and signs in lower case, or characters.
    vocabulary: how many of them a network tells apart, the commonest of its training part.
    length: so many are read of each text, and no more.
    """

    kind: Literal["text"]
    text: Column
    target: Column | None = None
    task: Task | None = None
    group: Column | None = None
    tokens: Literal["word", "character"] = "word"
    vocabulary: Annotated[int, Field(ge=2, le=KNOWN_MAX, strict=True)] = 10_000
    length: Annotated[int, Field(ge=1, le=4096, strict=True)] = 256


class InteractionsSpec(CodedSpec):
    """A table that says what users gave items.

    user, item: their columns, by name or number from 0.
    rating: the column of numbers to predict.
    """

    kind: Literal["interactions"]
    user: Column
    item: Column
    rating: Column


AnySpec = UploadSpec | TextSpec | InteractionsSpec | ImagesSpec
SPECS: dict[str, type[AnySpec]] = {
    "table": UploadSpec,
    "array": UploadSpec,
    "text": TextSpec,
    "interactions": InteractionsSpec,
    "images": ImagesSpec,
}
