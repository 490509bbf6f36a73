from __future__ import annotations

from api.shelf import Shelf


class Maker:
    """Makes bytes, and counts how often it was asked."""

    def __init__(self, made: bytes) -> None:
        self.made, self.asked = made, 0

    def __call__(self) -> bytes:
        self.asked += 1
        return self.made


def test_what_has_a_key_is_made_once() -> None:
    shelf, maker = Shelf(), Maker(b"page")
    assert [shelf.get("a", maker) for _ in range(3)] == [b"page"] * 3
    assert maker.asked == 1


def test_what_has_no_key_is_made_each_time() -> None:
    shelf, maker = Shelf(), Maker(b"page")
    assert [shelf.get(None, maker) for _ in range(3)] == [b"page"] * 3
    assert maker.asked == 3


def test_the_least_recently_used_makes_room() -> None:
    shelf, makers = Shelf(bytes_max=8), {name: Maker(b"1234") for name in "abc"}
    for name in "abacabc":  # b goes for c, c for b, a for c
        shelf.get(name, makers[name])
    assert {name: maker.asked for name, maker in makers.items()} == {"a": 1, "b": 2, "c": 2}


def test_what_is_larger_than_the_shelf_displaces_nothing() -> None:
    shelf, small, large = Shelf(bytes_max=8), Maker(b"1234"), Maker(b"123456789")
    for _ in range(2):
        shelf.get("small", small)
        shelf.get("large", large)
    assert (small.asked, large.asked) == (1, 2)
