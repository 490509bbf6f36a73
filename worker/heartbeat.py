"""The lease on a cohort, kept alive by a thread; it also brings the client's wishes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import structlog

from core.errors import Unavailable

WISH_POLL_S = 0.5  # how late a cancel or pause may be seen; only a read, so cheap
RETRY_S, RETRY_S_MAX = 0.1, 2.0  # between tries while the database is away
JOIN_S = 20.0  # the thread may be inside a statement that waits for the database

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Lost(Exception):
    """The lease is not ours any more: stop, write nothing."""


class Heartbeat:
    """Beats until left.

    beat: raises the lease; the job's wish ("run", "pause", "cancel"), or None if it is not ours.
    look: the wish alone, the same values.
    """

    def __init__(
        self,
        beat: Callable[[], str | None],
        look: Callable[[], str | None],
        *,
        every_s: float,
        lease_s: float,
    ) -> None:
        self._beat, self._look = beat, look
        self._every_s, self._lease_s = every_s, lease_s
        self._left = threading.Event()
        self._taken = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)
        self._raised = time.monotonic()  # by our own clock; the lease itself goes by the database's
        self.wish = "run"

    def is_lost(self) -> bool:
        """Another worker has the cohort, or may have it by now because the database was away."""
        return self._taken.is_set() or time.monotonic() - self._raised > self._lease_s

    def insist(self, act: Callable[[], T]) -> T:
        """Do it, however often the database is away meanwhile, while the lease is ours."""
        wait_s = RETRY_S
        while True:
            try:
                return act()
            except Unavailable as error:
                log.warning("not recorded yet", error=error.detail)
                if self.is_lost():
                    raise Lost("the database was away for longer than the lease") from error
            self._left.wait(wait_s)
            wait_s = min(2 * wait_s, RETRY_S_MAX)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._left.set()
        self._thread.join(JOIN_S)

    def _run(self) -> None:
        while not self._left.wait(min(self._every_s, WISH_POLL_S)):
            now = time.monotonic()
            due = now - self._raised >= self._every_s
            try:
                wish = self._beat() if due else self._look()
            except Unavailable as error:
                log.warning("heartbeat missed", error=error.detail)
                continue
            if wish is None:
                self._taken.set()
                return
            self.wish = wish
            if due:
                self._raised = now
