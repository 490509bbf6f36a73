"""Tables on a terminal: a pseudo-terminal stands in for a person's."""

import os
import pty
import subprocess
import sys

PROGRAM = """
from occam.cli.table import print_table
print_table(("id", "name"), [("job_1", "x" * 300), ("job_2", "short")], empty="", cut="name")
"""


def test_on_a_terminal_the_named_column_is_cut_to_fit():
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], stdout=theirs, env={**os.environ, "COLUMNS": "40"}
    )
    os.close(theirs)
    lines = os.read(ours, 10_000).decode().splitlines()
    os.close(ours)

    assert ended.returncode == 0
    assert lines == ["id     name", "job_1  " + "x" * 32 + "…", "job_2  short"]
