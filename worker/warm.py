"""The one child of a worker: started ahead of need, replaced when it died or grew."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from worker.child import Child, ChildDied

READY_S = 180.0  # importing torch from a cold disk on a busy machine
RETRY_S, RETRY_S_MAX = 0.5, 30.0  # pauses while children die before they are ready

log = structlog.get_logger(__name__)


class Warm:
    """Keeps a child ready. `device` is what the last one said it has, None before that."""

    def __init__(self, memory_bytes_max: int, start: Callable[[], Child] = Child) -> None:
        self._memory_bytes_max, self._start = memory_bytes_max, start
        self._child: Child | None = None
        self._ready = False
        self._since = 0.0
        self._retry_s = RETRY_S
        self._not_before = 0.0
        self.device: str | None = None

    def ready(self) -> Child | None:
        """The child, if it can take an order now; else this starts one, or looks after it."""
        now = time.monotonic()
        if self._child is not None and self._outgrown(self._child):
            self.stop()
        if self._child is None:
            if now < self._not_before:
                return None
            self._child, self._ready, self._since = self._start(), False, now
        try:
            self._listen(self._child, now)
        except ChildDied as died:
            self._give_up(str(died))
        return self._child if self._ready else None

    def due_in(self) -> float:
        """Seconds until `ready` should be asked again, whatever the child says until then."""
        if self._ready:
            return float("inf")
        due = self._not_before if self._child is None else self._since + READY_S
        return max(0.0, due - time.monotonic())

    def stop(self) -> None:
        """End the child, if there is one."""
        if self._child is not None:
            self._child.stop()
        self._child, self._ready = None, False

    def _outgrown(self, child: Child) -> bool:
        """A dead child too, and one that grew: a leak would end in an out-of-memory kill."""
        if not child.is_alive():
            return self._ready  # one that never was ready is for `_listen` to find
        grown = self._ready and child.memory_bytes() > self._memory_bytes_max
        if grown:
            log.info("the trainer grew; another takes its place", bytes=child.memory_bytes())
        return grown

    def _listen(self, child: Child, now: float) -> None:
        if self._ready:
            return
        message = child.receive(0.0)
        if message is not None and message["event"] == "ready":
            self._ready, self.device, self._retry_s = True, message["device"], RETRY_S
            log.info("trainer ready", pid=child.pid, device=self.device)
        elif now - self._since > READY_S:
            self._give_up(f"it was not ready after {READY_S:.0f} s")

    def _give_up(self, why: str) -> None:
        log.error("the trainer cannot be started", why=why)
        self.stop()
        self._not_before = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, RETRY_S_MAX)
