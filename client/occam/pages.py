"""Lists that come in pages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from occam.transport import Query, Transport

PAGE_LIMIT = 1000


def pages(transport: Transport, path: str, query: Query) -> Iterator[dict[str, Any]]:
    """Every item of a list (Any: parsed JSON); the next page is asked for when it is needed."""
    after: str | None = None
    while True:
        asked = {**query, "limit": PAGE_LIMIT, "after": after}
        page = transport.request("GET", path, query=asked).json()
        yield from page["data"]
        after = page.get("next")
        if not page.get("has_more") or after is None:
            return
