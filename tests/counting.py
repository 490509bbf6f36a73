"""How much work a call does, counted instead of timed, so the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

from sqlalchemy import event

from core.store.session import Database


def calls(action: Callable[[], object]) -> int:
    """How many functions, of Python and of C, this thread calls while it does something."""
    count = 0

    def tick(frame: FrameType, event: str, _: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(tick)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def statements(database: Database, action: Callable[[], object]) -> int:
    """How many statements the database is sent while something is done."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        event.remove(database.engine, "before_cursor_execute", note)
    return len(sent)
