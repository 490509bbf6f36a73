"""Real processes: a supervisor in a process of its own, with small Python children."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from occam.lifeline import die_with_parent
from tests.waiting import PATIENCE_S, is_alive, until

DRIVER = """
import json, sys
from occam.supervisor import Child, Supervisor
children = [Child(**child) for child in json.loads(sys.argv[1])]
ready = iter(json.loads(sys.argv[2]))
supervisor = Supervisor(
    children,
    {},
    is_ready=lambda: next(ready, True),
    on_ready=lambda: print("ready", flush=True),
    say=lambda line: print(line, flush=True),
)
sys.exit(supervisor.run())
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX processes")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


SLEEPER = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def started(children, ready=(True,)):
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, json.dumps(children), json.dumps(list(ready))],
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=die_with_parent,
    )


def line(process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def writes_pid(path: Path, then: str) -> str:
    return f"import os, pathlib; pathlib.Path({str(path)!r}).write_text(str(os.getpid())); {then}"


def pid_in(path: Path) -> int:
    until(lambda: path.exists() and path.read_text())
    return int(path.read_text())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_all_children_and_exits_cleanly(tmp_path, number):
    pids = [tmp_path / "api", tmp_path / "worker"]
    children = [{"name": p.name, "command": python(writes_pid(p, SLEEPER))} for p in pids]
    with started(children) as process:
        assert line(process) == "ready"
        running = [pid_in(path) for path in pids]
        process.send_signal(number)
        assert process.wait(timeout=PATIENCE_S) == 0
    assert not any(is_alive(pid) for pid in running)


def test_a_dead_worker_is_started_again(tmp_path):
    path = tmp_path / "worker"
    children = [{"name": "worker", "command": python(writes_pid(path, SLEEPER))}]
    with started(children) as process:
        assert line(process) == "ready"
        first = pid_in(path)
        path.unlink()
        os.kill(first, signal.SIGKILL)
        assert line(process) == "the worker ended (signal SIGKILL); starting it again"
        assert pid_in(path) != first
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0


def test_restarts_wait_longer_each_time(tmp_path):
    path = tmp_path / "starts"
    code = f"import time; open({str(path)!r}, 'a').write(f'{{time.monotonic()}}\\n')"
    with started([{"name": "worker", "command": python(code)}]) as process:
        until(lambda: path.exists() and len(path.read_text().split()) >= 3)
        process.terminate()
        process.communicate(timeout=PATIENCE_S)
    first, second, third = (float(text) for text in path.read_text().split()[:3])
    assert second - first >= 0.5
    assert third - second >= 1.0


def test_an_api_that_cannot_start_ends_the_service_with_an_error(tmp_path):
    children = [
        {"name": "API", "command": python("raise SystemExit(3)"), "vital": True},
        {"name": "worker", "command": python(writes_pid(tmp_path / "worker", SLEEPER))},
    ]
    with started(children, ready=[False] * 1000) as process:
        assert line(process) == "the API could not start (exit 3); see the lines above"
        assert process.wait(timeout=PATIENCE_S) == 1
    if (tmp_path / "worker").exists():
        assert not is_alive(int((tmp_path / "worker").read_text()))


def test_a_second_signal_kills_a_child_that_will_not_stop(tmp_path):
    path, asked = tmp_path / "worker", tmp_path / "asked"
    unwilling = (
        "import pathlib, signal\n"
        f"signal.signal(signal.SIGTERM, lambda *_: pathlib.Path({str(asked)!r}).touch())\n"
        f"{writes_pid(path, 'import time')}\n"
        "while True: time.sleep(600)"
    )
    with started([{"name": "worker", "command": python(unwilling)}]) as process:
        assert line(process) == "ready"
        running = pid_in(path)
        process.terminate()
        until(asked.exists)
        process.terminate()
        assert line(process) == "not everything stopped in time; killing what is left"
        assert process.wait(timeout=PATIENCE_S) == 0
    assert not is_alive(running)


def test_a_slow_worker_gets_the_grace_it_needs_while_a_deaf_api_is_killed(tmp_path):
    marks = [tmp_path / name for name in ("API", "worker", "stopped")]
    slow = (
        "import signal, sys, time\n"
        "def end(*_): time.sleep(1.5); pathlib.Path(sys.argv[1]).touch(); sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "import os, pathlib; pathlib.Path(sys.argv[2]).write_text(str(os.getpid()))\n"
        "time.sleep(600)"
    )
    worker = [*python(slow), str(marks[2]), str(marks[1])]
    turned_deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    deaf = turned_deaf + writes_pid(marks[0], SLEEPER)
    children = [
        {"name": "API", "command": python(deaf), "grace_s": 0.5},
        {"name": "worker", "command": worker, "grace_s": 20},
    ]
    with started(children) as process:
        assert line(process) == "ready"
        running = [pid_in(mark) for mark in marks[:2]]
        process.terminate()
        assert line(process) == "the API did not stop in 0.5 s; killing it"
        assert process.wait(timeout=PATIENCE_S) == 0
    assert marks[2].exists(), "the worker was killed before it had stopped in order"
    assert not any(is_alive(pid) for pid in running)


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux")
def test_a_grandchild_in_its_own_session_does_not_outlive_the_service(tmp_path):
    path = tmp_path / "trainer"
    trainer = python(writes_pid(path, DEAF))
    code = f"import subprocess; subprocess.Popen({trainer!r}, start_new_session=True); {SLEEPER}"
    with started([{"name": "worker", "command": python(code)}]) as process:
        running = pid_in(path)
        process.terminate()
        assert process.wait(timeout=PATIENCE_S) == 0
    assert not is_alive(running)


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel tells children on Linux")
def test_children_stop_when_the_supervisor_itself_is_killed(tmp_path):
    path = tmp_path / "worker"
    with started([{"name": "worker", "command": python(writes_pid(path, SLEEPER))}]) as process:
        running = pid_in(path)
        process.kill()
        process.wait()
        until(lambda: not is_alive(running))
