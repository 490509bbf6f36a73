"""A thread that waits for a bell, and looks now and then in case that a ring was lost."""

from __future__ import annotations

import os
import selectors
import threading
from collections.abc import Callable
from contextlib import closing

import structlog

from core.store.bells import Ear

AWAY_S = 1.0  # between tries to listen again
JOIN_S = 2.0  # the thread may be inside a question to a database that hangs

log = structlog.get_logger(__name__)


class Listener:
    """Calls `heard` when rows may have changed, in its thread; once also when it begins to listen.

    open: begins to listen. poll_s: after how long a change is noticed whose ring was lost.
    """

    def __init__(
        self, open: Callable[[], Ear], heard: Callable[[], object], *, poll_s: float
    ) -> None:
        self._open, self._heard, self._poll_s = open, heard, poll_s
        self._stopped = threading.Event()
        self._reader, self._writer = os.pipe()  # its closing wakes the thread from its wait
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stopped.set()
        os.close(self._writer)
        if self._thread.ident is None:
            os.close(self._reader)
        else:
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        away = False
        while not self._stopped.is_set():
            try:
                with closing(self._open()) as ear:
                    away = False
                    self._listen(ear)
            except Exception as error:  # whatever it is, nobody else would go on listening
                if not away:
                    log.warning("cannot hear for now; looking now and then", error=repr(error))
                away = True
                self._stopped.wait(AWAY_S)
        os.close(self._reader)

    def _listen(self, ear: Ear) -> None:
        mark = ear.mark()
        self._heard()  # of what was committed before anybody listened
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            if (fileno := ear.fileno()) is not None:
                selector.register(fileno, selectors.EVENT_READ)
            while True:
                selector.select(min(self._poll_s, ear.lag_s or self._poll_s))
                if self._stopped.is_set():
                    return
                before, mark = mark, ear.mark()
                if ear.take() or mark != before:  # in this order: a ring may come with the mark
                    self._heard()
