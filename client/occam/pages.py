"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from occam.notebook import rows_html
from occam.transport import Query, Transport

PAGE_LIMIT = 1000
SHOWN = 10  # rows that a notebook shows of a list


class Tabular(Protocol):
    """Something that can be one row of a table."""

    def row(self) -> Mapping[str, object]: ...


T_co = TypeVar("T_co", bound=Tabular, covariant=True)


class Listing(Generic[T_co]):
    """A list on the service. Each iteration asks for it anew, page by page as it is consumed.

    There is no `len`, since only reading all of it would tell: see `to_list`.
    """

    def __init__(
        self,
        what: str,
        transport: Transport,
        path: str,
        query: Query,
        read: Callable[[dict[str, Any]], T_co],  # Any: parsed JSON
    ) -> None:
        self._what = what
        self._transport = transport
        self._path = path
        self._query = query
        self._read = read

    def __iter__(self) -> Iterator[T_co]:
        return self._items(PAGE_LIMIT)

    def to_list(self) -> list[T_co]:
        """All of it."""
        return list(self)

    def to_pandas(self) -> Any:  # Any: a pandas.DataFrame, which this package does not need
        """All of it as a DataFrame, a row for each item. Needs pandas."""
        try:
            pandas = import_module("pandas")
        except ImportError as error:
            raise ImportError(
                "to_pandas() needs pandas (pip install pandas); to_list() needs nothing"
            ) from error
        return pandas.DataFrame([item.row() for item in self])

    def __repr__(self) -> str:
        return f"<{self._what}: iterate over them, or take .to_list() or .to_pandas()>"

    def _repr_html_(self) -> str:
        rows = [item.row() for item in islice(self._items(SHOWN + 1), SHOWN + 1)]
        return rows_html(self._what, rows[:SHOWN], more=len(rows) > SHOWN)

    def _items(self, limit: int) -> Iterator[T_co]:
        return map(self._read, pages(self._transport, self._path, self._query, limit=limit))


def pages(
    transport: Transport, path: str, query: Query, *, limit: int = PAGE_LIMIT
) -> Iterator[dict[str, Any]]:
    """Every item of a list (Any: parsed JSON); the next page is asked for when it is needed."""
    after: str | None = None
    while True:
        asked = {**query, "limit": limit, "after": after}
        page = transport.request("GET", path, query=asked).json()
        yield from page["data"]
        after = page.get("next")
        if not page.get("has_more") or after is None:
            return
