"""Query parameters that a call does not know are refused: a misspelt `dry_run` must not train."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from api.strict_json import shown
from core.errors import Fault, InvalidSpec
from core.spec.faults import unknown

FAULTS_MAX = 20


async def refuse_unknown(request: Request) -> None:
    """A dependency of every route. Raises InvalidSpec, naming what the route declares."""
    route = request.scope["route"]
    assert isinstance(route, APIRoute), f"{route} declares no parameters"
    known = _declared(route)
    faults = []
    for name in dict.fromkeys(request.query_params):
        times = len(request.query_params.getlist(name))
        if name not in known:
            faults.append(_fault(name, _unknown(name, known)))
        elif times > 1:
            faults.append(_fault(name, f"it is given {times} times; give it once"))
    if faults:
        raise InvalidSpec(faults[0].detail, tuple(faults[:FAULTS_MAX]))


def _unknown(name: str, known: tuple[str, ...]) -> str:
    if not known:
        return "this call takes no query parameters; leave it out"
    return unknown(shown(name), known, "a query parameter of this call", "it takes")


def _fault(name: str, sentence: str) -> Fault:
    return Fault("", f"Query parameter “{shown(name)}”: {sentence}.")


def _declared(route: APIRoute) -> tuple[str, ...]:
    """The names of a route's query parameters, those of what it depends on included."""
    return tuple(sorted(set(_names(route.dependant))))


def _names(dependant: Dependant) -> Iterator[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)
