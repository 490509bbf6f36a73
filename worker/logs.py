"""Logging of the worker's processes: one event a line on stderr, as text or JSON."""

from __future__ import annotations

import contextlib
import io
import logging
import sys
from typing import TextIO, cast

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
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Lossy(sys.stderr))),
    )
    logging.basicConfig(stream=sys.stderr, level=max(level, logging.WARNING))


class _Lossy(io.TextIOBase):
    """A stream that loses what it cannot write: a full disk of logs must not end the training."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            return self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()
