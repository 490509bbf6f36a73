"""Waiting for other threads and processes, however busy the machine is."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE_S = 300.0  # ends what waits for ever, before pytest's own limit; no claim about speed


def until(holds: Callable[[], T], what: Callable[[], str] = lambda: "") -> T:
    """Wait for something to hold and return it; a TimeoutError says `what` if it never does."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {PATIENCE_S:.0f} s: {what()}")
        time.sleep(0.02)
    return found


def is_alive(pid: int) -> bool:
    """Whether a process exists and is no zombie (Linux)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
