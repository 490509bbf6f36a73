"""Logging of the worker's processes: one event a line on stderr, as text or JSON."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import Processor

from core.settings import Settings


def log_to_stderr(settings: Settings) -> None:
    """Set up structlog, and plain logging of libraries from warnings on."""
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    text: list[Processor] = [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    ]
    lines: list[Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(),
    ]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(lines if settings.log_format == "json" else text),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING))
