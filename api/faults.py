"""From pydantic's errors to faults: where and what, without the client's value at length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import ValidationError

from api.strict_json import shown
from core.errors import Fault

FAULTS_MAX = 50  # nobody reads more, and a body may have thousands


def faults_of(error: ValidationError) -> tuple[Fault, ...]:
    """One fault for each mistake in a body."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return tuple(Fault(pointer(item["loc"]), item["msg"]) for item in found[:FAULTS_MAX])


def faults_of_request(items: Sequence[Any]) -> tuple[Fault, ...]:  # Any: FastAPI's error dicts
    """The same for a whole request, whose places begin with body, query, path or header."""
    return tuple(_fault(item["loc"], str(item["msg"])) for item in items[:FAULTS_MAX])


def pointer(path: Iterable[str | int]) -> str:
    """RFC 6901, each token printable and short."""
    return "".join("/" + shown(str(part)).replace("~", "~0").replace("/", "~1") for part in path)


def _fault(location: Sequence[str | int], message: str) -> Fault:
    place, path = location[0], location[1:]
    if place == "body":
        return Fault(pointer(path), message)
    name = ".".join(str(part) for part in path)
    return Fault("", f"{str(place).capitalize()} parameter “{shown(name)}”: {message}.")
