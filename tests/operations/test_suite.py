"""What the suite promises of itself, tried on a pytest of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from occam.lifeline import die_with_parent
from tests.waiting import is_alive, until

ROOT = Path(__file__).parents[2]
SERVED = ("-m occam serve", "-m api", "-m worker", "-m worker.trainer")
HANGING = """
import threading

def test_that_hangs_beside_a_thread():
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    thread.join()

def test_that_comes_after_it():
    pass
"""


def below(pid: int) -> dict[int, str]:
    """All that a process started, and what they started, with their command lines."""
    found = {}
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, children.read_text().split()):
            words = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ")
            found |= {child: words.decode()} | below(child)
    return found


def started(*arguments: str) -> subprocess.Popen[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "COV_", "COVERAGE"))}
    return subprocess.Popen(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-n", "1", *arguments],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        preexec_fn=die_with_parent,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells on Linux")
def test_a_killed_suite_leaves_no_process_behind(tmp_path: Path) -> None:
    words = ("tests/end_to_end/test_wire.py", "-k", "embedded", f"--basetemp={tmp_path}")
    with started(*words) as suite:

        def complete() -> dict[int, str]:
            assert suite.poll() is None, suite.stdout and suite.stdout.read()
            found = below(suite.pid)
            told = " ".join(found.values())
            return found if all(f"{word} " in told for word in SERVED) else {}

        processes = until(complete)
        suite.send_signal(signal.SIGKILL)

    until(lambda: not any(is_alive(pid) for pid in processes))


def test_a_test_that_hangs_fails_by_its_name_and_the_next_one_runs(tmp_path: Path) -> None:
    path = tmp_path / "test_hanging.py"
    path.write_text(HANGING)
    words = ("-c", str(ROOT / "pyproject.toml"), f"--rootdir={tmp_path}", "-o", "timeout=1")
    with started(*words, str(path)) as suite:
        assert suite.stdout is not None
        told = suite.stdout.read()

    assert "1 failed, 1 passed" in told
    assert "::test_that_hangs_beside_a_thread" in told
    assert "Timeout (>1.0s)" in told
    assert "crashed" not in told
