"""The trainer child's end of the pipes: orders and wishes come in, messages go out.

stdout belongs to messages alone; whatever a library prints goes to stderr. When the parent dies,
however it dies, its end of stdin closes, and this whole process group ends at once: an orphan
would train on beside the worker that took its cohort over.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Mapping
from typing import IO, Any

from core.lifeline import die_with


class Parent:
    """What the child knows of its worker. Create once, first thing."""

    def __init__(self, pid: int) -> None:
        self._out = _take_stdout()
        self._orders: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()  # Any: JSON
        self._order = 0
        self._wish: tuple[int, str] = (0, "")  # of which order, and what
        die_with(pid)
        threading.Thread(target=self._listen, name="parent", daemon=True).start()

    def next_order(self) -> dict[str, Any]:  # Any: JSON
        """Wait for a cohort to train."""
        order = self._orders.get()
        self._order = order["order"]
        return order

    def wish(self) -> str | None:
        """What is wished of the present order, or nothing; asked between training steps."""
        order, wish = self._wish
        return wish if order == self._order else None

    def say(self, message: Mapping[str, object]) -> None:
        """One line. Waits while the worker is behind."""
        self._out.write(json.dumps(message, allow_nan=False, separators=(",", ":")).encode())
        self._out.write(b"\n")
        self._out.flush()

    def _listen(self) -> None:
        for line in sys.stdin.buffer:
            message = json.loads(line)
            if "wish" in message:
                self._wish = message["order"], message["wish"]
            else:
                self._orders.put(message)
        os.killpg(0, signal.SIGKILL)


def _take_stdout() -> IO[bytes]:
    """The messages' own descriptor; descriptor 1 becomes stderr, for native code too."""
    sys.stdout.flush()
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "wb")
