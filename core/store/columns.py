"""Column types and SQL expressions that mean the same on SQLite and PostgreSQL."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Float, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import TypeDecorator


class Instant(TypeDecorator[datetime]):
    """A moment: aware and UTC in Python on both databases, to the microsecond."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        assert value.tzinfo is not None, f"{value} has no time zone"
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Document(TypeDecorator[Any]):  # Any: any JSON value
    """A JSON value; None is SQL NULL. Not-a-number is refused when written (see `dumps`)."""

    impl = JSON(none_as_null=True)
    cache_ok = True


class instant(FunctionElement[datetime]):
    """The database's clock when the statement began, plus `seconds`."""

    type = Instant()
    inherit_cache = True

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(bindparam(None, seconds, Float(), unique=True))


@compiles(instant, "sqlite")
def _sqlite_instant(element: instant, compiler: SQLCompiler, **words: Any) -> str:
    # The same text that SQLAlchemy writes for a datetime, so that moments compare as text.
    seconds = compiler.process(element.clauses, **words)
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', printf('%+.3f seconds', {seconds}))"


@compiles(instant, "postgresql")
def _postgresql_instant(element: instant, compiler: SQLCompiler, **words: Any) -> str:
    seconds = compiler.process(element.clauses, **words)
    return f"(statement_timestamp() + make_interval(secs => {seconds}))"


def dumps(value: object) -> str:
    """Strict JSON text: NaN and infinities raise ValueError, since SQL and JSON lose them."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
