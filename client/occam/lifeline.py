"""Whose death a process notices (Linux; elsewhere nobody's)."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import MutableMapping

ASKED = "OCCAM_DIE_WITH_PARENT"  # the parent's pid; 1 for whoever it is when we start
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # <sys/prctl.h>


def adopt_orphans() -> None:
    """Grandchildren whose parent died become ours, so that none outlives the service."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with_parent(number: signal.Signals = signal.SIGTERM) -> None:
    """Ask the kernel for a signal when our parent is killed; also fit for a `preexec_fn`."""
    _prctl(_PR_SET_PDEATHSIG, number)


def die_if_asked(env: MutableMapping[str, str]) -> None:
    """SIGKILL us with our parent where `env` asks for it; in it, ask our children to die with us.

    The services do the same by `core.lifeline`, which this package may not import.
    """
    asked = env.get(ASKED, "")
    if not asked.isdigit() or int(asked) == 0:
        return
    parent = os.getppid() if int(asked) == 1 else int(asked)
    die_with_parent(signal.SIGKILL)
    if sys.platform == "linux" and os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)  # it died before we asked
    env[ASKED] = str(os.getpid())


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
