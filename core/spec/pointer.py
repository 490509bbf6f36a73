"""Places in a JSON document: tuples of keys and indices, and their RFC 6901 form."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from json import JSONEncoder
from typing import Any

Path = tuple[str | int, ...]
SHOWN_MAX = 80  # characters of a client's value that an error repeats


def pointer(path: Path) -> str:
    """`("a/b", 0)` -> `/a~1b/0`."""
    return "".join("/" + str(token).replace("~", "~0").replace("/", "~1") for token in path)


def tokens(text: str) -> tuple[str, ...]:
    """`/a~1b/0` -> `("a/b", "0")`."""
    return tuple(
        token.replace("~1", "/").replace("~0", "~") for token in text.removeprefix("/").split("/")
    )


def value_at(document: Any, path: Path) -> Any:  # Any: JSON
    """What stands at a path, or None where nothing does."""
    for token in path:
        if isinstance(document, Mapping):
            document = document.get(token)
        elif isinstance(document, (list, tuple)) and isinstance(token, int):
            document = document[token] if token < len(document) else None
        else:
            return None
    return document


def shown(value: Any) -> str:  # Any: JSON
    """A value as JSON, cut after 80 characters without writing out the rest of it."""
    chunks = JSONEncoder(ensure_ascii=False).iterencode(value)
    text = "".join(islice(chunks, SHOWN_MAX + 1))
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"
