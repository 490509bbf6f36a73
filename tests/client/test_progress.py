from io import StringIO

from occam import Job
from occam.progress import _Line


def test_a_terminal_has_one_line_that_is_written_over_and_ended_at_the_end(monkeypatch):
    monkeypatch.setenv("COLUMNS", "26")
    out = StringIO()
    draw = _Line(out)

    draw(Job(id="job_1", status="running", name="x" * 100))
    draw(Job(id="job_1", status="succeeded"))

    first, last = out.getvalue().removeprefix("\r").split("\r")
    assert first == "x" * 25 + "\x1b[K"
    assert last == "job_1: succeeded, 0/0 runs\x1b[K\n"
