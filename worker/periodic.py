"""Something done now and then in a thread of its own, whatever the main loop is waiting for."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

JOIN_S = 5.0  # what still runs then is left behind: it may hang in a broker's client

log = structlog.get_logger(__name__)


class Periodic:
    """Does `act` every `every_s` seconds and whenever asked. What it raises is logged: the next
    time may go better, and nobody else would do it."""

    def __init__(self, name: str, every_s: float, act: Callable[[], object]) -> None:
        self._name, self._every_s, self._act = name, every_s, act
        self._asked = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin, with `act` at once."""
        self._thread.start()

    def ask(self) -> None:
        """Do it soon; returns at once."""
        self._asked.set()

    def stop(self) -> None:
        """Not again."""
        self._stopped.set()
        self._asked.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._asked.clear()
            try:
                self._act()
            except Exception as error:  # see the class: it is tried again
                log.warning("failed for now", what=self._name, error=repr(error))
            self._asked.wait(self._every_s)
