from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.shelf import Shelf
from tests.waiting import PATIENCE_S


class Maker:
    """Makes bytes, and counts how often it was asked."""

    def __init__(self, made: bytes) -> None:
        self.made, self.asked = made, 0

    def __call__(self) -> bytes:
        self.asked += 1
        return self.made


def shelf_of(most: int = 1000) -> Shelf[bytes]:
    return Shelf(most, len)


def test_what_has_a_key_is_made_once() -> None:
    shelf, maker = shelf_of(), Maker(b"page")
    assert [shelf.get("a", maker) for _ in range(3)] == [b"page"] * 3
    assert maker.asked == 1


def test_what_has_no_key_is_made_each_time() -> None:
    shelf, maker = shelf_of(), Maker(b"page")
    assert [shelf.get(None, maker) for _ in range(3)] == [b"page"] * 3
    assert maker.asked == 3


def test_the_least_recently_used_makes_room() -> None:
    shelf, makers = shelf_of(8), {name: Maker(b"1234") for name in "abc"}
    for name in "abacabc":  # b goes for c, c for b, a for c
        shelf.get(name, makers[name])
    assert {name: maker.asked for name, maker in makers.items()} == {"a": 1, "b": 2, "c": 2}


def test_what_is_larger_than_the_shelf_displaces_nothing() -> None:
    shelf, small, large = shelf_of(8), Maker(b"1234"), Maker(b"123456789")
    for _ in range(2):
        shelf.get("small", small)
        shelf.get("large", large)
    assert (small.asked, large.asked) == (1, 2)


def test_who_asks_while_it_is_being_made_waits_for_that() -> None:
    shelf, begun, go_on = shelf_of(), threading.Event(), threading.Event()

    def slow() -> bytes:
        begun.set()
        assert go_on.wait(PATIENCE_S)
        return b"page"

    other = Maker(b"another")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shelf.get, "a", slow)
        assert begun.wait(PATIENCE_S)
        second = pool.submit(shelf.get, "a", other)
        go_on.set()
        assert (first.result(PATIENCE_S), second.result(PATIENCE_S)) == (b"page", b"page")
    assert other.asked == 0


def test_what_could_not_be_made_is_made_anew_by_the_next() -> None:
    shelf = shelf_of()

    def fail() -> bytes:
        raise ValueError("no score")

    with pytest.raises(ValueError, match="no score"):
        shelf.get("a", fail)
    assert shelf.get("a", Maker(b"page")) == b"page"
    assert len(shelf) == 1
