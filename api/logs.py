"""Structured logs, one line each, to stderr; every line of a request carries its id."""

from __future__ import annotations

import logging
import sys
from typing import Literal, TextIO

import structlog

# Tracebacks without local variables, which hold clients' data and keys.
_plain = structlog.dev.plain_traceback


class _Lines(logging.StreamHandler[TextIO]):
    """Ours, to be told from handlers that others put at the root."""


def configure(*, form: Literal["json", "text"], level: str) -> None:
    """Set up structlog and let the standard library's loggers (uvicorn's) join it."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if form == "json"
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=_plain)]
    )
    handler = _Lines(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    root = logging.getLogger()
    for other in [found for found in root.handlers if isinstance(found, _Lines)]:
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level.upper())
