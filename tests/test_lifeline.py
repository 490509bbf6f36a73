"""Real services, started by a process that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.lifeline import ASKED
from tests.waiting import is_alive, until

ROOT = Path(__file__).parents[1]
# Starts the program whose words it is given, as a test would, and then sleeps.
STARTER = """
import os, subprocess, sys, time
env = {**os.environ, **({sys.argv[1]: str(os.getpid())} if sys.argv[1] else {})}
child = subprocess.Popen(sys.argv[2:], env=env, start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""
BOUND = "import core.lifeline; core.lifeline.die_if_asked(); "
SAYS_SO = "print('up', flush=True); import time; time.sleep(600)"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells on Linux")


@pytest.fixture
def start(data_dir):
    """Start a program by way of another process; (that process, the program's pid)."""
    starters, pids = [], []

    def start(*words, asked=ASKED, **env):
        paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'client'}", "OCCAM_DATA_DIR": str(data_dir)}
        starter = subprocess.Popen(
            [sys.executable, "-c", STARTER, asked, sys.executable, *words],
            stdout=subprocess.PIPE,
            env={**os.environ, **paths, "OCCAM_PORT": "0", "OCCAM_DEVICE": "cpu", **env},
            text=True,
        )
        starters.append(starter)
        pids.append(int(starter.stdout.readline()))
        return starter, pids[-1]

    yield start
    for pid in pids:
        if is_alive(pid):
            os.killpg(pid, signal.SIGKILL)
    for starter in starters:
        starter.kill()
        starter.communicate()


def below(pid):
    """The process and all that it started."""
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return {}
    name = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    return {pid: name} | {p: n for word in words for p, n in below(int(word)).items()}


@pytest.mark.parametrize(
    ("words", "family"),
    [
        (["-m", "api"], {"-m api"}),
        (["-m", "occam", "worker"], {"-m worker", "-m worker.trainer"}),
        (["-m", "occam", "serve"], {"-m occam", "-m api", "-m worker", "-m worker.trainer"}),
    ],
)
def test_a_service_and_its_children_end_with_the_process_that_started_them(
    start, data_dir, words, family
):
    starter, pid = start(*words)

    def complete():
        found = below(pid)
        told = " ".join(found.values())
        begun = (data_dir / "occam.db").exists()  # whoever is that far has asked the kernel
        return found if begun and all(f"{word} " in told for word in family) else None

    processes = until(complete)
    # As a test leaves them that was killed while a worker of its own was stopped.
    os.kill(pid, signal.SIGSTOP)
    starter.kill()
    starter.wait()
    until(lambda: not any(is_alive(each) for each in processes))


def test_a_parent_that_died_first_is_noticed_too(start):
    late = f"import os, time\nwhile os.getppid() == int(os.environ[{ASKED!r}]): time.sleep(0.01)\n"
    starter, pid = start("-c", late + BOUND + SAYS_SO)
    starter.kill()
    starter.wait()
    until(lambda: not is_alive(pid))


def test_a_service_that_was_not_asked_outlives_its_parent(start):
    starter, pid = start("-c", BOUND + SAYS_SO, asked="")
    assert starter.stdout.readline() == "up\n"
    starter.kill()
    starter.wait()
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["tail", f"--pid={pid}", "-f", "/dev/null"], timeout=1, check=True)
