from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.strict_json import DEPTH_MAX, InvalidJson, parse_json, shown
from core.errors import InvalidSpec

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON)
def test_whatever_is_plain_json_comes_back_as_it_is(value: object) -> None:
    assert parse_json(json.dumps(value).encode()) == value
    assert parse_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_a_client_error(body: bytes) -> None:
    with suppress(InvalidJson, InvalidSpec):
        parse_json(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"NaN",
        b"[Infinity]",
        b'{"a": -Infinity}',
        b"{'a': 1}",
        b'{"a": 1,}',
        b"\xff\xfe",
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        b"01",
        b"[1] 2",
        b'"\x00"',
    ],
)
def test_what_is_not_json_is_a_400(body: bytes) -> None:
    with pytest.raises(InvalidJson) as caught:
        parse_json(body)
    assert caught.value.status == 400


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b'{"a": 1, "a": 2}', "/a"),
        (b'{"x": [{"b": 1, "b": 1}]}', "/x/0/b"),
        (b'{"a": 1e999}', "/a"),
        (b'{"a": [0, -1e400]}', "/a/1"),
        (b'{"a/b": {"~": 9223372036854775808}}', "/a~1b/~0"),
        (b'{"a": ' + b"1" * 5000 + b"}", "/a"),
        (b'["\\ud800"]', "/0"),
        (b'["a\\u0000b"]', "/0"),
        (b'{"\\udc00": 1}', ""),
    ],
)
def test_json_that_two_readers_may_read_differently_is_refused_with_its_place(
    body: bytes, pointer: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_json(body)
    assert caught.value.faults[0].pointer == pointer
    assert len(caught.value.detail) < 200


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_is_refused_without_recursion(opening: bytes) -> None:
    with pytest.raises(InvalidSpec, match="nested deeper"):
        parse_json(opening * 200_000)


def test_the_depth_allowed_is_allowed_and_brackets_in_text_do_not_count() -> None:
    assert parse_json(b"[" * DEPTH_MAX + b"]" * DEPTH_MAX)
    assert parse_json(json.dumps("[" * 1000 + '\\"' + "{" * 1000).encode())


@pytest.mark.parametrize(
    "body",
    [
        b'"' + b'\\"' * 2_000_000,  # of so many, quadratic work would take hours
        b'"' * 2_000_001,
        b"{" + b",".join(b'"%d":1' % i for i in range(80_000)) + b',"1":2}',
        b"[" + b"1e999," * 100_000 + b"1]",
    ],
    ids=["escaped quotes", "quotes", "one key twice among many", "many faults"],
)
def test_hostile_bodies_take_linear_time(body: bytes) -> None:
    with pytest.raises((InvalidJson, InvalidSpec)):
        parse_json(body)


def test_a_text_is_shown_short_and_printable() -> None:
    assert shown("a\nb\x1b[31m") == "a�b�[31m"
    assert len(shown("x" * 10_000)) == 40
