"""Ends a process with the one that started it, however that one died (Linux; elsewhere it lives).

For programs that start a service for a while, tests above all: killed with SIGKILL they can stop
nothing, and what they started would go on for ever. So `OCCAM_DIE_WITH_PARENT=<their pid>` in the
service's environment asks the kernel to do it. The kernel watches the *thread* that forked: start
such a service from a thread that lives as long as the service is to.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

ASKED = "OCCAM_DIE_WITH_PARENT"  # the parent's pid; 1 for whoever it is when the service starts
PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def die_if_asked() -> None:
    """Tie this process to its parent where the environment says so. Call it first thing."""
    asked = os.environ.get(ASKED, "")
    if asked.isdigit() and int(asked) > 0:
        die_with(os.getppid() if int(asked) == 1 else int(asked))


def die_with(pid: int) -> None:
    """SIGKILL this process when its parent `pid` is gone, even while native code holds the GIL.

    At once, with its group where it leads one, when the parent died before we asked.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != pid:
        end = os.killpg if os.getpgrp() == os.getpid() else os.kill
        end(os.getpid(), signal.SIGKILL)
