"""What was drawn once and can never change, kept for the next who asks."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

BYTES_MAX = 64 * 1024 * 1024  # some hundred pages with figures


class Shelf:
    """The most recently used answers, up to so many bytes. Threads share it."""

    def __init__(self, bytes_max: int = BYTES_MAX) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._kept: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable | None, make: Callable[[], bytes]) -> bytes:
        """What lies under the key, made now if nothing does; None is made anew each time."""
        if key is None:
            return make()
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = make()  # outside the lock: two may draw the same at once, and one is kept
        self._put(key, made)
        return made

    def _put(self, key: Hashable, made: bytes) -> None:
        with self._lock:
            if key in self._kept or len(made) > self._bytes_max:
                return
            self._kept[key] = made
            self._bytes += len(made)
            while self._bytes > self._bytes_max:
                _, dropped = self._kept.popitem(last=False)
                self._bytes -= len(dropped)
