"""What an arm's specification says: its knobs, its regularizers, and how to name a setting."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel

from core.errors import OccamError
from core.report.table import Key
from core.report.words import knob_words, listed, number
from core.term import Knob, Term


@dataclass(frozen=True)
class Recipe:
    """One arm's specification, as far as a report needs it.

    knobs: of the varied pointers. names: what people call them, with the kind of the term they
    belong to where two would be called the same.
    regularizers: kinds, wherever they stand in the arm. fixed: their parameters in words, told
    when nothing varies.
    """

    knobs: Mapping[str, Knob]
    names: Mapping[str, str]
    regularizers: tuple[str, ...]
    fixed: str
    readable: bool = True

    def label(self, setting: Key) -> str:
        """`λ = 0.01, learning rate = 0.1`; "" for nothing."""
        if not setting:
            return self.fixed
        return ", ".join(f"{self.names[pointer]} = {number(value)}" for pointer, value in setting)


def read_recipe(document: Mapping[str, object], arm: str, setting: Key) -> Recipe:
    """The recipe of an arm, from its job's resolved document and any one of its settings."""
    from core.spec import experiment_at  # late: it loads every plug-in

    try:
        experiment = experiment_at(document, arm, dict(setting))
    except (OccamError, ValueError, LookupError):
        # written by another version: numbers stand, only simpler directions are unknown
        return Recipe({}, _names(setting, {}), (), "", readable=False)
    holders = {pointer: _holder(experiment, pointer) for pointer, _ in setting}
    terms = [term for term in _terms(experiment) if term.family == "regularizer"]
    return Recipe(
        knobs={p: knob for p, holder in holders.items() if (knob := _knob(holder, _last(p)))},
        names=_names(setting, holders),
        regularizers=tuple(term.kind for term in terms),
        fixed=listed([_described(term) for term in terms]) if terms else "",
    )


def strengths_of(experiment: BaseModel) -> dict[Hashable, float]:
    """Every regularizer's numbers that know a simpler direction, signed so that larger is it."""
    found: dict[Hashable, float] = {}
    terms = [term for term in _terms(experiment) if term.family == "regularizer"]
    for i, term in enumerate(terms):
        for name, knob in type(term).knobs().items():
            value = getattr(term, name)
            if knob.simpler and isinstance(value, int | float):
                found[i, term.kind, name] = value if knob.simpler == "high" else -value
    return found


def _names(setting: Key, holders: Mapping[str, object]) -> dict[str, str]:
    words = {pointer: knob_words(_last(pointer)) for pointer, _ in setting}
    counts = Counter(words.values())
    return {
        pointer: f"{holder.kind} {name}"
        if counts[name] > 1 and isinstance(holder := holders.get(pointer), Term)
        else name
        for pointer, name in words.items()
    }


def _holder(root: object, pointer: str) -> object:
    node = root
    for token in _tokens(pointer)[:-1]:
        if isinstance(node, tuple | list):
            node = node[int(token)]
        elif isinstance(node, BaseModel):
            node = getattr(node, _field(node, token))
    return node


def _knob(holder: object, wire_name: str) -> Knob | None:
    if not isinstance(holder, Term):
        return None
    return type(holder).knobs().get(_field(holder, wire_name))


def _field(model: BaseModel, wire_name: str) -> str:
    fields = type(model).model_fields
    return next((name for name, info in fields.items() if info.alias == wire_name), wire_name)


def _terms(node: object) -> Iterator[Term]:
    if isinstance(node, Term):
        yield node
    if isinstance(node, BaseModel):
        for name in type(node).model_fields:
            yield from _terms(getattr(node, name))
    elif isinstance(node, tuple | list):
        for item in node:
            yield from _terms(item)


def _described(term: Term) -> str:
    cls = type(term)
    values = [
        f"{knob_words(cls.wire_name(name))} = {number(float(getattr(term, name)))}"
        for name in cls.knobs()
        if isinstance(getattr(term, name), int | float)
    ]
    return f"{term.kind.replace('_', ' ')} {', '.join(values)}".rstrip()


def _tokens(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _last(pointer: str) -> str:
    return _tokens(pointer)[-1]
