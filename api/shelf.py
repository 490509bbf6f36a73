"""What was made once and can never change, kept for the next who asks.

Who asks while it is being made waits for that, so that nothing is made twice at once.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Generic, TypeVar

Kept = TypeVar("Kept")


class Shelf(Generic[Kept]):
    """The most recently used things, of no more than `most` in weight. Threads share it."""

    def __init__(self, most: int, weigh: Callable[[Kept], int]) -> None:
        self._most, self._weigh = most, weigh
        self._weight = 0
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._making: dict[Hashable, Future[Kept]] = {}
        self._lock = Lock()

    def get(self, key: Hashable | None, make: Callable[[], Kept]) -> Kept:
        """What lies under the key, made now if nothing does; None is made anew each time."""
        if key is None:
            return make()
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
            other = self._making.get(key)
            mine: Future[Kept] = self._making.setdefault(key, Future())
        if other is not None:
            return other.result()
        try:
            made = make()
        except BaseException as error:
            with self._lock:
                del self._making[key]
            mine.set_exception(error)
            raise
        self._put(key, made)
        mine.set_result(made)
        return made

    def _put(self, key: Hashable, made: Kept) -> None:
        """Nobody makes it any more; it is kept, if there is room."""
        with self._lock:
            del self._making[key]
            if self._weigh(made) > self._most:
                return
            self._kept[key] = made
            self._weight += self._weigh(made)
            while self._weight > self._most:
                _, dropped = self._kept.popitem(last=False)
                self._weight -= self._weigh(dropped)

    def __len__(self) -> int:
        """How many things lie there."""
        return len(self._kept)
