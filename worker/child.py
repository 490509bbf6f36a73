"""The worker's end of the trainer child: start it, exchange JSON lines with it, surely end it.

The child is a process of its own session. A segfault, an out-of-memory kill or a hung kernel
in it costs one attempt and never the worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

Message = dict[str, Any]  # Any: what json.loads gives; the reader picks by "event"

# OpenMP's threads spin at every barrier, by default for milliseconds. Our cores are shared, at
# least with the API and the worker, and then a step took 20 times as long (2 cores, load 7). A
# spin of some 20 microseconds is worth it on an idle machine and harmless on a busy one.
PATIENCE = {"GOMP_SPINCOUNT": "1000"}
LINES_MAX = 4096  # lines held while the database is away; then the pipe fills and the child waits
TERM_S = 10.0  # after SIGTERM and before SIGKILL of the whole group
DRAIN_S = 5.0  # for the reader to see the end of a pipe whose writers are dead


def _nobody() -> None:
    """Wakes nobody: whoever made the child asks by itself."""


class ChildDied(Exception):
    """The child's pipe ended. `code` is its exit status, negative for a signal."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code

    def __str__(self) -> str:
        if self.code >= 0:
            return f"the trainer process exited with status {self.code}"
        return f"the trainer process was ended by {signal.Signals(-self.code).name}"


class Child:
    """One trainer process.

    Create it from the worker's main thread: the kernel's parent-death signal, which the child asks
    for, is sent when the *thread* that created it ends.

    wake: called, in a thread, when there is something to receive or the child is gone.
    """

    def __init__(
        self, command: Sequence[str] | None = None, wake: Callable[[], object] = _nobody
    ) -> None:
        # Its stderr is ours, for the logs.
        self._process = subprocess.Popen(
            command or [sys.executable, "-m", "worker.trainer", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=PATIENCE | os.environ,
            start_new_session=True,
        )
        self._lines: queue.Queue[bytes | None] = queue.Queue(LINES_MAX)
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None, "asked for a pipe"
        assert stdout is not None, "asked for a pipe"
        self._stdin: IO[bytes] = stdin
        self._silent = threading.Event()
        self._reader = threading.Thread(target=self._read, args=(stdout, wake), daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether it may still say something."""
        return not self._silent.is_set() and self._process.poll() is None

    def send(self, message: Mapping[str, object]) -> None:
        """Write one line. Raises ChildDied when nobody reads."""
        try:
            self._stdin.write(json.dumps(message).encode() + b"\n")
            self._stdin.flush()
        except (BrokenPipeError, ValueError):
            raise self._died() from None

    def receive(self, timeout_s: float) -> Message | None:
        """The next message, or None after `timeout_s`. Raises ChildDied at the pipe's end."""
        try:
            line = self._lines.get(timeout=max(timeout_s, 0.0))
        except queue.Empty:
            return None
        if line is None:
            raise self._died()
        message: Message = json.loads(line)
        return message

    def memory_bytes(self) -> int:
        """Resident memory now; 0 where the system does not say."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def stop(self, term_s: float = TERM_S) -> None:
        """TERM, wait, then KILL of the group. Returns when it is dead; harmless when it was."""
        self._signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(term_s)
        self._signal(signal.SIGKILL)  # its children too, and itself if it did not react
        self._process.wait()
        self._drain()
        with contextlib.suppress(BrokenPipeError):  # closing flushes what nobody will read
            self._stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        # The group outlives its leader while a grandchild lives, so ask for the group, not the pid.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _died(self) -> ChildDied:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        self._signal(signal.SIGKILL)
        return ChildDied(self._process.wait())

    def _drain(self) -> None:
        """Let a reader that waits on a full queue see the end of its pipe."""
        deadline = time.monotonic() + DRAIN_S
        while self._reader.is_alive() and time.monotonic() < deadline:
            with contextlib.suppress(queue.Empty):
                self._lines.get(timeout=0.05)
        self._reader.join(DRAIN_S)

    def _read(self, pipe: IO[bytes], wake: Callable[[], object]) -> None:
        with pipe:
            for line in pipe:
                if not line.endswith(b"\n"):
                    break  # torn by a kill in mid-write
                self._lines.put(line)
                wake()
        self._silent.set()
        self._lines.put(None)
        wake()
