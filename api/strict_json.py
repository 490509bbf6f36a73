"""JSON read strictly: what two parsers could read differently is refused, with the place.

Python's parser takes `NaN`, lets `1e999` become infinity, keeps the last of two equal keys and
lets half a surrogate pair through to the database driver, where it breaks. Here each is a 4xx.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import NoReturn

from core.errors import Fault, InvalidRequest, InvalidSpec

DEPTH_MAX = 64  # a job needs about ten levels
SHOWN_MAX = 40  # characters of a client's value that may come back in a message
_FAULTS_MAX = 20
_BROKEN_MAX = 1000
_WHOLE_MAX = 2**63  # what every store and client on the way can hold
# Possessive, and content with an unclosed string: linear whatever the bytes.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{}]', re.DOTALL)


class InvalidJson(InvalidRequest):
    code, title = "invalid_json", "The body is not JSON"


@dataclass(frozen=True)
class _Broken:
    """Stands in the parsed tree for a value that JSON can spell and we refuse."""

    why: str


def parse_json(body: bytes, *, depth_max: int = DEPTH_MAX) -> object:
    """The value that `body` spells.

    Raises InvalidJson (400) where it is no JSON text in UTF-8, and InvalidSpec (422, with
    pointers) for duplicate keys, numbers too large, lone surrogates, NUL and deep nesting.
    """
    text = _decode(body)
    _refuse_deep(body, depth_max)
    reader = _Reader()
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.pairs,
            parse_int=reader.whole,
            parse_float=reader.number,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError as error:
        raise InvalidJson(
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    if reader.broken or b"\\u" in body:
        _refuse_broken(value)
    return value


def shown(value: str) -> str:
    """A client's text, short enough to quote and free of control characters."""
    printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value)
    return printable if len(printable) <= SHOWN_MAX else printable[: SHOWN_MAX - 1] + "…"


class _Reader:
    """The hooks of one parse; counts what needs a second look."""

    def __init__(self) -> None:
        self.broken = 0

    def pairs(self, pairs: list[tuple[str, object]]) -> dict[str, object]:
        found = dict(pairs)
        if len(found) != len(pairs):
            for key, count in Counter(key for key, _ in pairs).items():
                if count > 1:
                    found[key] = self._broken(f"The key “{shown(key)}” occurs more than once.")
        return found

    def whole(self, text: str) -> object:
        if len(text) < 19 or abs(int(text[:25])) < _WHOLE_MAX:
            return int(text)
        return self._broken(f"{shown(text)} is too large; whole numbers end at 2^63 - 1.")

    def number(self, text: str) -> object:
        value = float(text)
        if value - value == 0.0:  # false for infinities
            return value
        return self._broken(f"{shown(text)} is too large for a 64-bit float.")

    def _broken(self, why: str) -> _Broken:
        self.broken += 1
        if self.broken > _BROKEN_MAX:  # enough is known, and the body may be hostile
            raise InvalidSpec(why)
        return _Broken(why)


def _decode(body: bytes) -> str:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidJson(f"The body is not UTF-8: bad byte at offset {error.start}.") from None
    if text.startswith("\N{ZERO WIDTH NO-BREAK SPACE}"):
        raise InvalidJson("The body starts with a byte order mark; send plain UTF-8.")
    return text


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidJson(f"{name} is not JSON; every number must be finite.")


def _refuse_deep(body: bytes, depth_max: int) -> None:
    """Counts brackets outside strings, so that no parser below has to recurse without end."""
    depth = 0
    for token in _TOKENS.finditer(body):
        bracket = token.group()
        if bracket in (b"[", b"{"):
            depth += 1
            if depth > depth_max:
                raise InvalidSpec(
                    f"The body is nested deeper than {depth_max} levels at byte {token.start()}."
                )
        elif bracket in (b"]", b"}"):
            depth -= 1


def _refuse_broken(root: object) -> None:
    faults: list[Fault] = []
    waiting: list[tuple[str, object]] = [("", root)]
    while waiting and len(faults) < _FAULTS_MAX:
        pointer, value = waiting.pop()
        match value:
            case _Broken(why):
                faults.append(Fault(pointer, why))
            case str():
                if bad := _bad_text(value):
                    faults.append(Fault(pointer, bad))
            case list():
                waiting += [(f"{pointer}/{i}", item) for i, item in enumerate(value)]
            case dict():
                bad = next(filter(None, map(_bad_text, value)), None)
                if bad is not None:
                    faults.append(Fault(pointer, f"In a key: {bad}"))
                waiting += [(f"{pointer}/{_token(key)}", item) for key, item in value.items()]
    if faults:
        faults.sort(key=lambda fault: fault.pointer)
        raise InvalidSpec(faults[0].detail, tuple(faults))


def _bad_text(text: str) -> str | None:
    if "\0" in text:
        return "Text may not hold the NUL character (\\u0000)."
    if any("\ud800" <= c <= "\udfff" for c in text):
        return "Text may not hold half a surrogate pair."
    return None


def _token(key: str) -> str:
    """One reference token of a JSON pointer, printable."""
    return shown(key).replace("~", "~0").replace("/", "~1")
