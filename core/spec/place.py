"""Which model and field stand at a place of a body: what an error there should talk about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from core.spec.experiment import is_range, wire_names
from core.spec.pointer import Path
from core.term import LinearRange, LogRange, Term, Values, Wire

RANGES: dict[str, type[Wire]] = {"values": Values, "range": LinearRange, "log_range": LogRange}
Loc = tuple[str | int, ...]


@dataclass(frozen=True)
class Place:
    """owner: the model that has (or lacks) the field; family: the plug-ins that may stand here.

    siblings: the object that the client wrote the field into.
    """

    owner: type[Wire] | None
    family: type[Term] | None
    siblings: Mapping[str, Any] = field(default_factory=dict)  # Any: JSON


def place_of(root: type[Wire], path: Path, body: Any) -> Place:  # Any: JSON
    """Follow a path through the models, choosing members by the kinds that the body names."""
    annotation: Any = root
    owner: type[Wire] | None = None
    siblings: Any = None
    for token in path:
        siblings = body
        if isinstance(token, int):
            owner, annotation = None, item_of(annotation)
        else:
            owner = _model(annotation, body)
            names = wire_names(owner) if owner else {}
            info = owner.model_fields[names[token]] if owner and token in names else None
            annotation = info.annotation if info else None
        body = _inside(body, token)
    families = [m for m in models_of(annotation) if issubclass(m, Term) and not m.is_member()]
    return Place(
        owner,
        families[0] if families else None,
        siblings if isinstance(siblings, Mapping) else {},
    )


def aligned(loc: Loc, body: Any, *, missing: bool) -> Path:  # Any: JSON
    """A pydantic location without the union tags that it carries: the part that the body has.

    missing: the last token names a field that the body lacks.
    """
    return _aligned(loc, body, missing=missing)[1]


def _aligned(loc: Loc, body: Any, *, missing: bool) -> tuple[int, Path]:
    """(tokens used, path): the alignment that uses most, and the last token if it can."""
    if not loc:
        return 0, ()
    token, rest = loc[0], loc[1:]
    best = _aligned(rest, body, missing=missing)
    if _has(body, token):
        used, path = _aligned(rest, body[token], missing=missing)
        return max(best, (used + 2 + (not rest), (token, *path)), key=lambda found: found[0])
    # A bare kind such as "dense" stands for an object, which may lack fields as well.
    if missing and not rest and isinstance(body, Mapping | str) and isinstance(token, str):
        return 3, (token,)
    return best


def _has(body: Any, token: str | int) -> bool:
    if isinstance(token, int):
        return isinstance(body, (list, tuple)) and token < len(body)
    return isinstance(body, Mapping) and token in body


def _inside(body: Any, token: str | int) -> Any:
    return body[token] if _has(body, token) else None


def _model(annotation: Any, value: Any) -> type[Wire] | None:
    """The model that validates an object here."""
    if isinstance(value, Mapping) and is_range(value):
        return next(model for key, model in RANGES.items() if key in value)
    for model in models_of(annotation):
        if issubclass(model, Term) and not model.is_member():
            full = model.expand(value)
            kind = full.get("kind") if isinstance(full, Mapping) else None
            return model.members().get(kind) if isinstance(kind, str) else None
        return model
    return None


def models_of(annotation: Any) -> Iterator[type[Wire]]:
    """The models that an annotation allows, not looking into lists."""
    if isinstance(annotation, type) and issubclass(annotation, Wire):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, UnionType):
        for argument in get_args(annotation):
            yield from models_of(argument)


def item_of(annotation: Any) -> Any:
    """The type of a list's items, where a list is among what the annotation allows."""
    if get_origin(annotation) in (tuple, list):
        return get_args(annotation)[0]
    if get_origin(annotation) in (Annotated, Union, UnionType):
        items = (item_of(argument) for argument in get_args(annotation))
        return next((item for item in items if item is not None), None)
    return None
