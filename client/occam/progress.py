"""How far a job is, in one place on the screen: a notebook's output, a terminal's line, a log."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from shutil import get_terminal_size
from typing import Any, TextIO

from occam.answers import Job


def progress() -> Callable[[Job], None]:
    """What draws a job each time it is called, over what it drew before."""
    if _in_notebook():
        return _Output()
    return _Line(sys.stdout) if sys.stdout.isatty() else _Log()


def _in_notebook() -> bool:
    ipython = sys.modules.get("IPython")  # a kernel has it loaded; nobody else needs it
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class _Output:
    """One output of a notebook's cell, replaced by the next."""

    def __init__(self) -> None:
        self._display = import_module("IPython.display").display
        self._handle: Any = None  # Any: IPython's DisplayHandle; IPython is no dependency

    def __call__(self, job: Job) -> None:
        if self._handle is None:
            self._handle = self._display(job, display_id=True)
        else:
            self._handle.update(job)


class _Line:
    """One line of a terminal, written over."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def __call__(self, job: Job) -> None:
        line = job.line()
        if not job.finished:  # a line that wraps could not be written over
            line = line[: get_terminal_size().columns - 1]
        self._out.write(f"\r{line}\x1b[K" + ("\n" if job.finished else ""))
        self._out.flush()


class _Log:
    """A line when the status changes: a file cannot be written over."""

    def __init__(self) -> None:
        self._status: str | None = None

    def __call__(self, job: Job) -> None:
        if job.status != self._status:
            print(job.line(), flush=True)
        self._status = job.status
