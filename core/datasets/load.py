"""From a source to its facts or its data, whichever kind of source it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from core.datasets.canonical import read_canonical
from core.datasets.source import Dataset, DatasetFacts, DatasetSource
from core.datasets.uploaded import Uploaded

CACHED_BYTES_MAX = 64 * 2**20  # larger data is loaded anew for each job, not kept in memory
CACHED_SOURCES = 8


def source_of(document: Mapping[str, Any]) -> DatasetSource:  # Any: JSON
    """The source that a resolved document names."""
    source: DatasetSource = _named().validate_python({"dataset": document["dataset"]})["dataset"]
    return source


def facts_of(source: DatasetSource, stored: Callable[[str], DatasetFacts]) -> DatasetFacts:
    """The facts of any source; `stored` looks an upload's id up in the store."""
    return stored(source.id) if isinstance(source, Uploaded) else source.facts()


def load_source(source: DatasetSource, fetch: Callable[[str], Path]) -> Dataset:
    """The data of any source; `fetch` gives the path of an upload's canonical artifact by its id.

    Small computed data is kept per process, since a warm trainer meets the same source again.
    Uploads are read anew: reading is fast, and the artifact may have been deleted meanwhile.
    """
    if isinstance(source, Uploaded):
        return read_canonical(fetch(source.id))
    if source.facts().data_bytes > CACHED_BYTES_MAX:
        return source.load()
    return _cached(source)


@cache  # at the first use, when every kind of source is there
def _named() -> TypeAdapter[dict[str, Any]]:
    return TypeAdapter(dict[str, DatasetSource])


@lru_cache(maxsize=CACHED_SOURCES)
def _cached(source: DatasetSource) -> Dataset:
    return source.load()
