"""Draws the page of a job's report when the job ends, so that who first opens it does not wait.

Only jobs that were posted to this process count, the newest first, and one is drawn at a time: the
pages are for this process's shelf, and whoever asks earlier draws for himself.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import structlog

from api.tail import Pulse

EXPECTED_MAX = 1000  # jobs; older ones are drawn when they are asked for
GAP_S = 1.0  # between looks: a job that trains changes many times a second
REST = 4.0  # times as long as a page took, so that at most a fifth of one core is taken
JOIN_S = 5.0  # more than drawing a page takes
_log = structlog.get_logger("api")


class Warmer:
    """A daemon thread that draws after the last write of a job.

    pulses: how far these jobs are; draw: makes the page of one and keeps it.
    """

    def __init__(self, pulses: Callable[[list[str]], Mapping[str, Pulse]]) -> None:
        self._pulses = pulses
        self._expected: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()
        self._rung = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, draw: Callable[[str], object]) -> None:
        self._thread = threading.Thread(target=self._work, args=(draw,), name="warmer", daemon=True)
        self._thread.start()

    def expect(self, job_id: str) -> None:
        """A job was posted here."""
        with self._lock:
            self._expected[job_id] = None
            if len(self._expected) > EXPECTED_MAX:
                self._expected.popitem(last=False)

    def ring(self) -> None:
        """Some job may have ended; returns at once."""
        self._rung.set()

    def stop(self) -> None:
        """Let the thread end, and wait until it does: it may hold a connection."""
        self._ended.set()
        self._rung.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def _work(self, draw: Callable[[str], object]) -> None:
        while not self._ended.is_set():
            self._rung.wait()
            self._rung.clear()
            try:
                self._draw_all(draw)
            except Exception as error:  # a page less on the shelf; whoever asks is told why
                _log.warning("could not draw ahead", error=repr(error))
            self._ended.wait(GAP_S)

    def _draw_all(self, draw: Callable[[str], object]) -> None:
        """Every job that has ended, also those that end meanwhile."""
        while not self._ended.is_set() and (job_id := self._take()) is not None:
            began = time.monotonic()
            draw(job_id)
            self._ended.wait(REST * (time.monotonic() - began))

    def _take(self) -> str | None:
        """The newest expected job that has ended, expected no longer; the gone are forgotten."""
        with self._lock:
            waiting = list(self._expected)
        if not waiting:
            return None
        pulses = self._pulses(waiting)
        ended = [job_id for job_id in waiting if job_id in pulses and pulses[job_id].final]
        gone = [job_id for job_id in waiting if job_id not in pulses]
        with self._lock:
            for job_id in [*ended[-1:], *gone]:
                self._expected.pop(job_id, None)
        return ended[-1] if ended else None
