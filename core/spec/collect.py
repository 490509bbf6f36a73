"""Gathering what is wrong with a body, each thing once and where the client wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import Fault, InvalidSpec
from core.spec.arms import Draft, Found
from core.spec.limits import Limits
from core.spec.pointer import Path, pointer


class Faults:
    """The mistakes found so far in one body."""

    def __init__(self, body: object, limits: Limits) -> None:
        self._body = body
        self._most = limits.faults_max
        self._found: dict[Fault, None] = {}  # arms repeat the mistakes of the body under them

    def __bool__(self) -> bool:
        return bool(self._found)

    @property
    def full(self) -> bool:
        """Whether there are as many as anyone wants to read."""
        return len(self._found) >= self._most

    def add(self, path: Path, detail: str) -> None:
        if not self.full:
            self._found[Fault(pointer(_in_body(path, self._body)), detail)] = None

    def of(self, draft: Draft, found: Iterable[Found]) -> None:
        """Mistakes in a draft, which point to where the client wrote that part of it."""
        for path, detail in found:
            self.add(draft.client_path(path), detail)

    def error(self) -> InvalidSpec:
        found = tuple(self._found)
        assert found, "an error without a fault"
        if len(found) == 1:
            return InvalidSpec(found[0].detail, found)
        many = (
            f"{self._most} mistakes or more"
            if len(found) == self._most
            else f"{len(found)} mistakes"
        )
        return InvalidSpec(f"{many}; the first, at {found[0].pointer!r}: {found[0].detail}", found)


def _in_body(path: Path, body: Any) -> Path:  # Any: JSON
    """The part of a path that the body has, and one name more where an object lacks it."""
    kept: list[str | int] = []
    for token in path:
        if isinstance(body, Mapping):
            kept.append(token)
            if token not in body:
                break
            body = body[token]
        elif isinstance(body, (list, tuple)) and isinstance(token, int) and token < len(body):
            kept.append(token)
            body = body[token]
        else:
            break
    return tuple(kept)
