"""Pays the outbox: tells the broker what was committed, outside of every request.

Publishing blocks without end while a broker is frozen, so one thread of its own does it; when it
hangs, the rows stay, and the workers' sweep finds the work without being rung.
"""

from __future__ import annotations

import threading
import time

import structlog

from core.errors import Unavailable
from core.store.outbox import Ring, relay
from core.store.session import Database

EVERY_S = 5.0  # also without being asked: another process may have died between commit and ring
STUCK_S = 10.0  # a ring that takes longer means a broker that does not answer
_log = structlog.get_logger("api")


class Relay:
    """A daemon thread that rings after commits."""

    def __init__(self, database: Database, ring: Ring) -> None:
        self.database, self.ring = database, ring
        self._asked = threading.Event()
        self._ended = threading.Event()
        self._failure: str | None = None
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._work, name="relay", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def ask(self) -> None:
        """There is something to pay; returns at once."""
        self._asked.set()

    def stop(self) -> None:
        """Let the thread end; not waited for, since it may hang in the broker's client."""
        self._ended.set()
        self._asked.set()

    def state(self) -> str:
        """`ok`, or why the broker was not reached."""
        since = self._busy_since
        if since is not None and time.monotonic() - since > STUCK_S:
            return "it does not answer; workers find new jobs by their own sweep"
        return self._failure or "ok"

    def _work(self) -> None:
        while not self._ended.is_set():
            self._asked.wait(EVERY_S)
            self._asked.clear()
            self._busy_since = time.monotonic()
            try:
                while relay(self.database, self.ring):
                    pass
                self._failure = None
            except Unavailable as error:
                self._failure = error.detail
            except Exception as error:  # whatever a broker's client raises; the rows stay
                self._failure = f"it could not be reached ({type(error).__name__})"
                _log.warning("broker not reached", error=repr(error))
            self._busy_since = None
