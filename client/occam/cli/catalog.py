"""`occam catalog`: what the service can train, and how each kind is set."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from occam.cli.report import wide_console
from occam.client import Client

Json = dict[str, Any]  # Any: parsed JSON

_HUGE = 1e30  # a bound as large as this only says "finite"
_RANGES = ("Values", "LinearRange", "LogRange")  # what may stand in place of a tunable number
_TUNABLE = 'tunable: may also be {"values": [...]}, {"range": [a, b]} or {"log_range": [a, b]}'


def catalog(
    family: Annotated[str | None, typer.Argument(help="regularizer, loss, …")] = None,
    kind: Annotated[str | None, typer.Argument(help="One member, in full.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="As the service says it, with the JSON schema.")
    ] = False,
) -> None:
    """What the service can train, by family; one kind in full."""
    with Client() as client:
        if family:
            family = _family(family, client.catalog()["families"])
        found = client.catalog(family, kind)
    console = wide_console()
    if family and kind:
        if as_json:
            print(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            _show_kind(found, console)
        return
    families: dict[str, list[Json]] = found["families"]
    shown = {name: entries for name, entries in families.items() if family in (None, name)}
    if as_json:
        print(json.dumps(shown, indent=2, ensure_ascii=False))
        return
    for name, entries in shown.items():
        console.print(Text(name, style="bold"))
        console.print(_entries(entries))


def _family(asked: str, known: Iterable[str]) -> str:
    """The family meant by `asked`, which may be its plural."""
    found = next((name for name in known if asked in (name, f"{name}s", f"{name}es")), None)
    if found is None:
        there = ", ".join(known)
        raise typer.BadParameter(f"there is no family {asked!r}; there is {there}")
    return found


def _entries(entries: list[Json]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1, 0, 2))
    for entry in entries:
        table.add_row(Text(str(entry.get("kind"))), Text(str(entry.get("summary", ""))))
    return table


def _show_kind(entry: Json, console: Console) -> None:
    """What it is, what it works with, and its parameters."""
    console.print(Text(str(entry.get("summary") or entry.get("kind")), style="bold"))
    facts = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name in ("description", "formula", "convention", "reference"):
        if entry.get(name):
            facts.add_row(Text(name, style="dim"), Text(str(entry[name])))
    for name, kinds in (entry.get("works_with") or {}).items():
        facts.add_row(Text(f"with {name}", style="dim"), Text(", ".join(kinds)))
    if entry.get("example"):
        example = json.dumps(entry["example"], ensure_ascii=False)
        facts.add_row(Text("example", style="dim"), Text(example))
    console.print(facts)
    console.print()
    _show_parameters(entry.get("parameters") or {}, console)


def _show_parameters(schema: Json, console: Console) -> None:
    properties = {k: v for k, v in schema.get("properties", {}).items() if k != "kind"}
    if not properties:
        console.print("no parameters")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("parameter", "type", "default", "range", "meaning"):
        table.add_column(heading, no_wrap=heading in ("parameter", "default", "range"))
    for name, member in properties.items():
        meaning = str(member.get("description", ""))
        table.add_row(*map(Text, (name, _type(member), _default(member), _bounds(member), meaning)))
    console.print(table)
    if any(_is_tunable(member) for member in properties.values()):
        console.print(Text(_TUNABLE, style="dim"))


def _type(member: Json) -> str:
    words = [_one_type(option) for option in _options(member) if not _is_range(option)]
    return " or ".join(words) + (", tunable" if _is_tunable(member) else "")


def _one_type(schema: Json) -> str:
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if schema.get("type") == "array":
        items = schema.get("items") or {}
        return f"list of {items['type']}s" if "type" in items else "list"
    return str(schema.get("type") or "object")


def _default(member: Json) -> str:
    return json.dumps(member["default"]) if "default" in member else "required"


def _bounds(member: Json) -> str:
    """`[0, 1)`, `> 0` or `≤ 5`: of the first alternative that has bounds."""
    for option in _options(member):
        found = _interval(option.get("items") or option)
        if found:
            return found
    return ""


def _interval(schema: Json) -> str:
    at_least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    at_most, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    low, high = above if at_least is None else at_least, below if at_most is None else at_most
    if high is not None and high >= _HUGE:
        high = None
    if low is not None and high is not None:
        return f"{'[' if above is None else '('}{low:g}, {high:g}{']' if below is None else ')'}"
    if low is not None:
        return f"{'≥' if above is None else '>'} {low:g}"
    return "" if high is None else f"{'≤' if below is None else '<'} {high:g}"


def _options(member: Json) -> list[Json]:
    found: list[Json] = member.get("oneOf") or member.get("anyOf") or [member]
    return found


def _is_range(schema: Json) -> bool:
    return str(schema.get("$ref", "")).rpartition("/")[2] in _RANGES


def _is_tunable(member: Json) -> bool:
    return any(_is_range(option) for option in _options(member))
