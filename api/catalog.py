"""The catalogue: every plug-in described from its class alone, so that none can be forgotten."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import JsonValue

from api.schemas.catalog import Catalog, CatalogEntry, CatalogLinks, KnobEntry
from api.strict_json import shown
from core.architectures import Architecture
from core.datasets import DatasetSource
from core.errors import NotFound
from core.layers import Layer
from core.losses import Loss
from core.metrics import Metric
from core.optimizers import Optimizer
from core.regularizers import Regularizer
from core.schedules import Schedule
from core.term import Knob, Term

FAMILIES: tuple[type[Term], ...] = (
    Architecture,
    Layer,
    Loss,
    Regularizer,
    Optimizer,
    Schedule,
    Metric,
    DatasetSource,
)


@cache
def catalog() -> Catalog:
    """Everything that a job may name."""
    return Catalog(
        families={
            family.family: [_entry(member) for member in family.members().values()]
            for family in FAMILIES
        }
    )


def family_of(family: str) -> list[CatalogEntry]:
    """The entries of one family. Raises NotFound, naming what there is."""
    families = catalog().families
    if family not in families:
        raise NotFound(f"There is no family “{shown(family)}”; there is {', '.join(families)}.")
    return families[family]


def entry_of(family: str, kind: str) -> CatalogEntry:
    """One entry. Raises NotFound, naming what there is."""
    entries = family_of(family)
    for entry in entries:
        if entry.kind == kind:
            return entry
    known = ", ".join(entry.kind for entry in entries)
    raise NotFound(f"There is no {family} “{shown(kind)}”; there is {known}.")


def _entry(member: type[Term]) -> CatalogEntry:
    words = member.documentation()
    schema = _schema(member)
    kind = member.wire_kind()
    return CatalogEntry(
        family=member.family,
        kind=kind,
        summary=words["summary"],
        description=words.get("description"),
        formula=words.get("formula"),
        convention=words.get("convention"),
        reference=words.get("reference"),
        parameters=schema,
        knobs=[_knob(member, name, knob) for name, knob in member.knobs().items()],
        works_with=_works_with(member),
        traits=_traits(member),
        example=_example(kind, schema),
        links=CatalogLinks(self=f"/v1/catalog/{member.family}/{kind}"),
    )


def _schema(member: type[Term]) -> dict[str, Any]:
    """Of its fields; a member that may hold itself is a definition of its own schema."""
    schema = member.model_json_schema(by_alias=True)
    if "$ref" not in schema:
        return schema
    definitions = schema["$defs"]
    return {**definitions[schema["$ref"].rpartition("/")[2]], "$defs": definitions}


def _knob(member: type[Term], name: str, knob: Knob) -> KnobEntry:
    default = member.model_fields[name].default
    return KnobEntry(
        name=member.wire_name(name),
        integer=knob.integer,
        ge=knob.ge,
        gt=knob.gt,
        le=knob.le,
        lt=knob.lt,
        default=default if isinstance(default, int | float) else None,
        neutral=_finite(knob.neutral),
        simpler=knob.simpler,
        structural=knob.structural,
    )


def _works_with(member: type[Term]) -> dict[str, list[str]]:
    """What the class declares about its partners."""
    found: dict[str, list[str]] = {}
    if tasks := getattr(member, "tasks", None):
        found["task"] = list(tasks)
    if losses := getattr(member, "loss_kinds", None):
        found["loss"] = list(losses)
    if _default_has(member, "proximal"):
        found["optimizer"] = [
            kind
            for kind, optimizer in Optimizer.members().items()
            if getattr(_at_defaults(optimizer), "no_prox", None) is None
        ]
    return found


def _default_has(member: type[Term], name: str) -> bool:
    """Whether the member, at its defaults, has this property true."""
    return hasattr(member, name) and bool(getattr(_at_defaults(member), name))


def _at_defaults(member: type[Term]) -> Term:
    return member.model_validate({"kind": member.wire_kind()})


def _traits(member: type[Term]) -> dict[str, str]:
    return {
        name: value
        for name in ("hook", "direction")
        if isinstance(value := getattr(member, name, None), str)
    }


def _finite(value: float | None) -> float | None:
    """JSON has no infinity; a term that is neutral at infinity has no neutral number."""
    return None if value is None or value in (float("inf"), float("-inf")) else value


def _example(kind: str, schema: dict[str, Any]) -> dict[str, JsonValue] | None:
    """The shortest object that asks for it, from its schema; None where a value has no example."""
    definitions = schema.get("$defs", {})
    example: dict[str, JsonValue] = {"kind": kind}
    for name in schema.get("required", ()):
        if name != "kind":
            value = _smallest(schema["properties"][name], definitions)
            if value is None:
                return None
            example[name] = value
    return example


def _smallest(schema: dict[str, Any], definitions: dict[str, Any]) -> JsonValue:
    """A short value that fits a JSON schema, or None where that takes more than looking."""
    if "$ref" in schema:
        return _smallest(definitions[schema["$ref"].rpartition("/")[2]], definitions)
    for key in ("examples", "enum"):
        if key in schema:
            first: JsonValue = schema[key][0]
            return first
    if "const" in schema:
        constant: JsonValue = schema["const"]
        return constant
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if (value := _smallest(choice, definitions)) is not None:
            return value
    match schema.get("type"):
        case "integer" | "number":
            lowest: JsonValue = schema.get("minimum", schema.get("exclusiveMinimum", 0) + 1)
            return lowest
        case "array":
            item = _smallest(schema.get("items", {}), definitions)
            return None if item is None else [item]
    return None
