"""Pages are drawn when their jobs end, one at a time, newest first."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from api.tail import Pulse
from api.warmer import EXPECTED_MAX, Warmer
from core.settings import Settings
from tests.api.conftest import AN_HOUR_S, finish, serving, take
from tests.waiting import PATIENCE_S, until


def pulse(*, final: bool) -> Pulse:
    return Pulse("succeeded" if final else "running", 1, 1, final)


@contextmanager
def drawing(warmer: Warmer, drawn: list[str], failing: str = "") -> Iterator[None]:
    def draw(job_id: str) -> None:
        drawn.append(job_id)
        if job_id == failing:
            raise ValueError("no run has a score")

    warmer.start(draw)
    try:
        yield
    finally:
        warmer.stop()


def test_of_the_jobs_posted_here_those_that_ended_are_drawn_once_newest_first() -> None:
    pulses = {
        "ended": pulse(final=True),
        "goes on": pulse(final=False),
        "newest": pulse(final=True),
        "posted elsewhere": pulse(final=True),
    }
    warmer = Warmer(lambda ids: {id: pulses[id] for id in ids if id in pulses})
    drawn: list[str] = []
    for job in ("ended", "goes on", "gone", "newest"):
        warmer.expect(job)
    with drawing(warmer, drawn):
        warmer.ring()
        until(lambda: len(drawn) == 2)
        pulses["goes on"] = pulse(final=True)
        warmer.ring()
        until(lambda: len(drawn) == 3)
    assert drawn == ["newest", "ended", "goes on"]


def test_a_page_that_cannot_be_drawn_keeps_no_other_from_being() -> None:
    warmer = Warmer(lambda ids: dict.fromkeys(ids, pulse(final=True)))
    drawn: list[str] = []
    with drawing(warmer, drawn, failing="bad"):
        warmer.expect("bad")
        warmer.ring()
        until(lambda: drawn == ["bad"])
        warmer.expect("good")
        warmer.ring()
        until(lambda: drawn == ["bad", "good"])


def test_only_so_many_jobs_are_remembered() -> None:
    asked: list[list[str]] = []
    came = threading.Event()

    def pulses(ids: list[str]) -> dict[str, Pulse]:
        asked.append(ids)
        came.set()
        return {}

    warmer = Warmer(pulses)
    for number in range(EXPECTED_MAX + 3):
        warmer.expect(str(number))
    with drawing(warmer, []):
        warmer.ring()
        assert came.wait(PATIENCE_S)
    assert asked[0] == [str(number) for number in range(3, EXPECTED_MAX + 3)]


def test_the_page_of_a_job_lies_ready_when_the_job_has_ended(
    data_dir: Path, sqlite_template: Path
) -> None:
    shutil.copy(sqlite_template, data_dir / "occam.db")
    with serving(Settings(data_dir=data_dir, poll_s=AN_HOUR_S)) as service:
        job = service.post()
        held = take(service.database, job["id"])
        finish(service.database, held, val_accuracy=[0.9] * len(held.run_ids))

        until(lambda: len(service.shelf) == 1)
        page = service.client.get(f"/v1/jobs/{job['id']}/report?format=html")

        assert page.text.startswith("<!doctype html>")
        assert len(service.shelf) == 1, "the page was there, so none was made for the reader"
