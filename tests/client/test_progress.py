from io import StringIO

from occam import Job
from occam.progress import _Line


def test_a_terminal_has_one_line_that_is_written_over_and_ended_at_the_end():
    out = StringIO()
    draw = _Line(out)

    for status in ("running", "succeeded"):
        draw(Job(id="job_1", status=status))

    first, last = out.getvalue().removeprefix("\r").split("\r")
    assert first == "job_1: running, 0/0 runs\x1b[K"
    assert last == "job_1: succeeded, 0/0 runs\x1b[K\n"
