"""Runs the API and a worker as child processes until told to stop; fit to be PID 1."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from occam.lifeline import adopt_orphans, die_with_parent

TICK_S = 0.1  # between looks while it starts or stops; between these it sleeps until a signal
GRACE_S = 8.0  # from TERM to KILL, for a child that has nothing to save
BACKOFF_S = (0.5, 1.0, 2.0, 4.0, 8.0)
STABLE_S = 30.0  # a child that lived this long begins the delays anew


@dataclass
class Child:
    """One supervised process.

    vital: when it ends by itself before the service was ever ready, starting again is no use.
    grace_s: how long it may take to stop before it is killed.
    """

    name: str
    command: Sequence[str]
    vital: bool = False
    grace_s: float = GRACE_S
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    failures: int = 0
    start_at_s: float = 0.0


class Supervisor:
    """Keeps its children running; `run` blocks and returns the exit code.

    is_ready: asked every tick until it is first true. say: prints one line for people.
    """

    def __init__(
        self,
        children: Sequence[Child],
        env: Mapping[str, str],
        *,
        is_ready: Callable[[], bool],
        on_ready: Callable[[], None],
        say: Callable[[str], None],
    ) -> None:
        self._children = children
        self._env = env
        self._is_ready = is_ready
        self._on_ready = on_ready
        self._say = say
        self._stop = Event()
        self._signals = 0
        self._ready = False

    def run(self) -> int:
        adopt_orphans()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        wake = _woken_by_signals()
        code = 0
        try:
            while not self._stop.is_set() and code == 0:
                self._start_due()
                code = self._look_after()
                if not self._stop.is_set() and code == 0:
                    _sleep(wake, self._due_in())
        finally:
            self._stop_all()
        return code

    def _due_in(self) -> float | None:
        """Seconds until there may be something to do without a signal; None where never."""
        if not self._ready:
            return TICK_S
        due = [child.start_at_s for child in self._children if child.process is None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _on_signal(self, *_: object) -> None:
        self._signals += 1
        self._stop.set()

    def _start_due(self) -> None:
        for child in self._children:
            if child.process is None and time.monotonic() >= child.start_at_s:
                child.process = subprocess.Popen(
                    child.command,
                    env=dict(self._env),
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C reaches us alone; we stop them in order
                    preexec_fn=die_with_parent,
                )
                child.started_s = time.monotonic()

    def _look_after(self) -> int:
        """Reap, plan restarts, watch for readiness. Non-zero ends the service."""
        for child, status in self._reap():
            if child.vital and not self._ready:
                self._say(f"the {child.name} could not start (exit {status}); see the lines above")
                return 1
            lived_s = time.monotonic() - child.started_s
            if lived_s > STABLE_S:
                child.failures = 0
            delay_s = BACKOFF_S[min(child.failures, len(BACKOFF_S) - 1)]
            child.start_at_s = time.monotonic() + delay_s
            child.failures += 1
            self._say(f"the {child.name} ended ({_ending(status)}); starting it again")
        if not self._ready and self._is_ready():
            self._ready = True
            self._on_ready()
        return 0

    def _reap(self) -> Iterator[tuple[Child, int]]:
        """Collect every ended process, adopted orphans too; yield those that are ours."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            code = os.waitstatus_to_exitcode(status)
            for child in self._children:
                if child.process is not None and child.process.pid == pid:
                    child.process.returncode = code  # reaped here, so Popen need not
                    child.process = None
                    _kill_group(pid)
                    yield child, code

    def _stop_all(self) -> None:
        """TERM to all at once; KILL to who outstays its grace, to all at a second signal."""
        signals = self._signals
        groups = [child.process.pid for child in self._children if child.process is not None]
        for pid in groups:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        began_s = time.monotonic()
        while any(child.process for child in self._children):
            if self._signals > max(signals, 1):
                self._say("not everything stopped in time; killing what is left")
                break
            self._kill_late(time.monotonic() - began_s)
            list(self._reap())
            time.sleep(TICK_S / 5)
        for pid in groups:
            _kill_group(pid)
        for pid in _descendants():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(TICK_S / 5)
        list(self._reap())

    def _kill_late(self, waited_s: float) -> None:
        for child in self._children:
            if child.process is not None and waited_s > child.grace_s:
                self._say(f"the {child.name} did not stop in {child.grace_s:g} s; killing it")
                _kill_group(child.process.pid)
                child.grace_s = float("inf")  # said and done once


def _woken_by_signals() -> int:
    """A descriptor that is readable after every signal, also that of a child that ended."""
    reader, writer = os.pipe()
    for end in (reader, writer):
        os.set_blocking(end, False)
    signal.signal(signal.SIGCHLD, _nothing)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    return reader


def _nothing(*_: object) -> None:
    """Without a handler in Python there would be no wake-up."""


def _sleep(wake: int, timeout_s: float | None) -> None:
    select.select([wake], [], [], timeout_s)
    with suppress(BlockingIOError):
        os.read(wake, 4096)


def _ending(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"exit {status}"


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _descendants() -> list[int]:
    """Processes that are now our children and still run (Linux; elsewhere none is known)."""
    lists = Path("/proc/self/task").glob("*/children")
    return [int(pid) for found in lists for pid in found.read_text().split()]
