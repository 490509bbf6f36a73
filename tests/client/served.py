"""`occam serve` as people start it, and the jobs that its tests post."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from occam.lifeline import ASKED
from tests.waiting import PATIENCE_S

QUICK = {
    "name": "quick",
    "dataset": "iris",
    "architecture": {"kind": "mlp", "hidden": [8]},
    "loss": "cross_entropy",
    "epochs": 4,
    "batch_size": 32,
    "folds": 1,
    "seeds": 3,
    "compare": [
        {"name": "none"},
        {"name": "l2", "regularizers": [{"kind": "l2", "lambda": {"values": [0.001, 0.01]}}]},
    ],
}
LONG = {**QUICK, "name": "long", "epochs": 100_000}
del LONG["compare"]


class Served:
    """`occam serve` in a process of its own, and every line it printed."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        # One thread: on a busy machine two torch threads mostly wait for each other.
        settings = {"OMP_NUM_THREADS": "1", "OCCAM_DRAW_AHEAD": "false", **settings}
        env = {k: v for k, v in os.environ.items() if not k.startswith("OCCAM_")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "occam", "serve", "--port", "0", "--data-dir", str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**env, **settings, ASKED: str(os.getpid())},
        )
        self.lines: list[str] = []
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if "Occam is ready" in line:
                self._ready.set()
        self._ready.set()

    def url(self) -> str:
        assert self._ready.wait(PATIENCE_S), "".join(self.lines)
        found = re.search(r"Occam is ready at (\S+)", "".join(self.lines))
        assert found, "".join(self.lines)
        return found[1]

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE_S)
        self._reader.join(timeout=PATIENCE_S)
        assert not self._reader.is_alive(), "something still holds the output of the service"
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def serving(folder: Path, **settings: str) -> Iterator[Served]:
    """Started here; it must end in order with the block."""
    served = Served(folder, **settings)
    try:
        yield served
    finally:
        code = served.stop()
    assert code == 0
