"""SIGTERM and SIGINT, heard by a thread.

A Python handler runs between two instructions of the main thread, perhaps inside the very lock
that it needs to tell anybody. So the handler does nothing: the interpreter's wake-up descriptor
gets the signal's number, and a thread that reads it does the telling.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable

ENDING = frozenset({signal.SIGTERM, signal.SIGINT})


def when_asked_to_end(act: Callable[[], object]) -> None:
    """Call `act`, in a thread, at every signal to end. From the main thread."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    for number in ENDING:
        signal.signal(number, _nothing)
    threading.Thread(target=_hear, args=(reader, act), name="signals", daemon=True).start()


def _hear(reader: int, act: Callable[[], object]) -> None:
    while number := os.read(reader, 1):
        if number[0] in ENDING:
            act()


def _nothing(number: int, frame: object) -> None:
    """Without a handler in Python there would be no wake-up."""
