"""From what FastAPI finds wrong with a parameter to a fault that names it, its value and the way
out. Bodies are read by `core.spec.incoming` and, of jobs, by `core.spec.resolve`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.strict_json import shown
from core.errors import Fault
from core.spec.faults import sentence

FAULTS_MAX = 50  # nobody reads more, and a request may have thousands


def faults_of_request(items: Sequence[Any]) -> tuple[Fault, ...]:  # Any: FastAPI's error dicts
    """One fault for each mistake; their places begin with query, path or header."""
    return tuple(_fault(item) for item in items[:FAULTS_MAX])


def _fault(mistake: Mapping[str, Any]) -> Fault:  # Any: one of those dicts
    place, *path = mistake["loc"]
    name = shown(".".join(str(part) for part in path))
    return Fault("", f"{str(place).capitalize()} parameter “{name}”: {sentence(mistake, name)}.")
