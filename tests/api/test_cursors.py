from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cursors import Cursors, secret_of
from core.errors import InvalidRequest

CURSORS = Cursors(b"a secret")


def test_a_cursor_gives_back_the_position_it_was_made_of() -> None:
    cursor = CURSORS.sign("jobs", ("2026-01-01T00:00:00+00:00", "job_1"))

    assert CURSORS.read("jobs", cursor) == ["2026-01-01T00:00:00+00:00", "job_1"]


def test_a_cursor_of_another_list_or_another_secret_is_refused() -> None:
    cursor = CURSORS.sign("jobs", (1,))

    with pytest.raises(InvalidRequest):
        CURSORS.read("datasets", cursor)
    with pytest.raises(InvalidRequest):
        Cursors(b"another").read("jobs", cursor)


@given(st.text(max_size=600))
def test_no_text_of_a_client_is_a_cursor(text: str) -> None:
    with pytest.raises(InvalidRequest):
        CURSORS.read("jobs", text)


@given(st.integers(0, 60), st.characters(codec="ascii"))
def test_a_cursor_with_one_character_changed_is_refused_or_the_same(i: int, c: str) -> None:
    cursor = CURSORS.sign("jobs", (12, "job_x"))
    i %= len(cursor)
    changed = cursor[:i] + c + cursor[i + 1 :]

    try:
        assert CURSORS.read("jobs", changed) == [12, "job_x"]
    except InvalidRequest:
        assert changed != cursor


def test_processes_that_start_at_once_share_one_secret_that_only_the_owner_reads(
    tmp_path: Path,
) -> None:
    with ThreadPoolExecutor(8) as pool:
        secrets = set(pool.map(lambda _: secret_of(tmp_path / "data", ()), range(16)))

    assert len(secrets) == 1
    files = list((tmp_path / "data").iterdir())
    assert [file.name for file in files] == ["cursor.key"]
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o600


def test_with_keys_the_secret_is_theirs_on_every_machine(tmp_path: Path) -> None:
    assert secret_of(tmp_path / "a", ["x", "y"]) == secret_of(tmp_path / "b", ["y", "x"])
    assert not (tmp_path / "a").exists()
