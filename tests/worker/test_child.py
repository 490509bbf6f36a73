"""The handle on a child process; small scripts stand where the trainer would."""

from __future__ import annotations

import os
import signal
import sys

import pytest

from tests.waiting import PATIENCE_S, is_alive, until
from worker.child import LINES_MAX, Child, ChildDied

ECHO = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)"


@pytest.fixture
def start():
    children = []

    def start(script):
        children.append(Child([sys.executable, "-c", script]))
        return children[-1]

    yield start
    for child in children:
        child.stop(0)


def receive(child):
    message = child.receive(PATIENCE_S)
    assert message is not None
    return message


def test_lines_go_there_and_back(start):
    child = start(ECHO)
    child.send({"order": 1})
    assert receive(child) == {"order": 1}
    assert child.receive(0.0) is None
    assert child.memory_bytes() > 1_000_000


def test_a_child_that_ends_is_told_with_its_status(start):
    child = start("print('{\"event\": 1}', flush=True); raise SystemExit(3)")
    assert receive(child) == {"event": 1}
    with pytest.raises(ChildDied, match="exited with status 3"):
        child.receive(PATIENCE_S)


def test_a_line_torn_by_a_crash_is_not_a_message(start):
    child = start("import os; print('{\"ev', end='', flush=True); os.kill(os.getpid(), 11)")
    with pytest.raises(ChildDied, match="SIGSEGV"):
        child.receive(PATIENCE_S)


def test_sending_to_a_dead_child_says_so(start):
    child = start("")
    with pytest.raises(ChildDied):
        child.receive(PATIENCE_S)
    with pytest.raises(ChildDied):
        child.send({"order": 1})


def test_one_that_ignores_the_signal_to_end_is_killed(start):
    child = start(
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)\n"
        "while True: time.sleep(1)"
    )
    receive(child)
    child.stop(0.2)
    assert not child.is_alive()


def test_grandchildren_end_with_it(start):
    child = start(
        "import subprocess, sys, time\n"
        "p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(p.pid, flush=True); time.sleep(600)"
    )
    grandchild = receive(child)
    child.stop(5)
    until(lambda: not is_alive(grandchild))


def test_one_that_talks_more_than_anybody_hears_waits_and_can_still_be_ended(start):
    child = start("while True: print(1)")
    until(lambda: child._lines.qsize() == LINES_MAX)
    child.stop(0.2)
    assert not child.is_alive()
    assert not child._reader.is_alive()


def test_it_has_a_session_of_its_own(start):
    child = start(ECHO)
    assert os.getsid(child.pid) == child.pid != os.getsid(0)
    os.kill(child.pid, signal.SIGKILL)
