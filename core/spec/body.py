"""The first look at a body: is it plain, finite JSON of a sane size, whatever it says?"""

from __future__ import annotations

from math import isfinite
from typing import Any

from core.errors import Fault, InvalidSpec
from core.spec.limits import Limits
from core.spec.pointer import Path, pointer, shown

INTEGER_MAX = 2**53  # beyond it JSON readers disagree about which number was meant
KEY_MAX = 200


def read_body(body: object, limits: Limits) -> dict[str, Any]:  # Any: JSON
    """A copy with tuples for lists and whole numbers as ints, or InvalidSpec.

    JSON does not tell 1.0 from 1, so neither do we; tuples let the models validate strictly.
    """
    reader = _Reader(limits)
    copy = reader.read(body, ())
    if reader.faults:
        raise InvalidSpec(reader.faults[0].detail, tuple(reader.faults))
    if not isinstance(copy, dict):
        raise InvalidSpec.at(
            "",
            f"a job is a JSON object with a dataset, an architecture and a loss, not {shown(body)}",
        )
    return copy


class _Reader:
    """Walks a body once, no deeper than the limit allows, and stops when there is too much."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.faults: list[Fault] = []
        self.values_left = limits.values_max

    def read(self, value: object, path: Path) -> Any:  # Any: JSON
        self.values_left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, (int, float)):
            return self._number(value, path)
        if isinstance(value, str):
            return self._text(value, path)
        if not isinstance(value, (dict, list, tuple)):
            self._refuse(path, f"{type(value).__name__} is not a JSON value")
        elif len(path) >= self.limits.nesting_max:
            self._refuse(
                path, f"nested more than {self.limits.nesting_max} deep; no job needs that"
            )
        elif len(value) > self.values_left:
            self.values_left = 0
            self._refuse(
                path, f"the body holds more than {self.limits.values_max} values up to here"
            )
        elif isinstance(value, dict):
            return self._object(value, path)
        else:
            return tuple(self.read(item, (*path, i)) for i, item in enumerate(value))
        return None

    def _object(self, value: dict[object, object], path: Path) -> dict[str, Any]:
        copy: dict[str, Any] = {}
        for key, inner in value.items():
            if not isinstance(key, str) or len(key) > KEY_MAX or _unstorable(key):
                self._refuse(path, f"{shown(str(key))} cannot be the name of a field")
            else:
                copy[key] = self.read(inner, (*path, key))
        return copy

    def _number(self, value: int | float, path: Path) -> int | float:
        if isinstance(value, int):
            if abs(value) > INTEGER_MAX:
                bits = value.bit_length()
                self._refuse(path, f"a whole number of {bits} bits; beyond 2^53 JSON is not exact")
        elif not isfinite(value):
            self._refuse(path, f"{value} is not a finite number, and JSON has no other")
        elif value.is_integer() and abs(value) <= INTEGER_MAX:
            return int(value)
        return value

    def _text(self, value: str, path: Path) -> str:
        most = self.limits.text_max
        if len(value) > most:
            self._refuse(path, f"a text of {len(value)} characters; at most {most} are allowed")
        elif reason := _unstorable(value):
            self._refuse(path, f"the text holds {reason}, which cannot be stored")
        return value

    def _refuse(self, path: Path, detail: str) -> None:
        if len(self.faults) < self.limits.faults_max:
            self.faults.append(Fault(pointer(path), detail))


def _unstorable(text: str) -> str | None:
    """Why a text is neither UTF-8 nor fit for a database, or None."""
    if "\0" in text:
        return "the character U+0000"
    if any("\ud800" <= character <= "\udfff" for character in text):
        return "half of a surrogate pair"
    return None
