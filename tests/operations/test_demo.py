"""`make demo` as a user runs it, except that its data goes to a folder of the test."""

import os
import signal
import subprocess
from functools import partial
from pathlib import Path

from occam.lifeline import ASKED, die_with_parent

ROOT = Path(__file__).parents[2]


def test_the_demonstration_ends_with_a_verdict_a_report_and_nothing_running(tmp_path):
    env = {k: v for k, v in os.environ.items() if not k.startswith("OCCAM_")}

    ended = subprocess.run(
        ["sh", str(ROOT / "examples" / "demo.sh")],
        env={**env, "OCCAM_DATA_DIR": str(tmp_path), ASKED: "1"},
        preexec_fn=partial(die_with_parent, signal.SIGKILL),
        capture_output=True,
        text=True,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "succeeded, 270/270 runs" in ended.stdout
    for arm in ("none", "l1", "l2", "elastic net", "dropout"):
        assert f"\n{arm} " in ended.stdout
    assert "make serve" in ended.stdout
    report = (tmp_path / "demo-report.html").read_text(encoding="utf-8")
    assert "<svg" in report
    processes = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
    assert str(tmp_path) not in processes
