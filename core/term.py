"""Term: one class per plug-in, holding its parameters and its maths.

A *family* (losses, regularizers, …) is an abstract Term; its members are the concrete subclasses.
Annotating a field with the family is enough: pydantic then accepts any member by its `kind`
(or the bare string `"mlp"` for `{"kind": "mlp"}`), and OpenAPI and the catalogue follow.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Hashable, Mapping, Sequence
from importlib import import_module
from inspect import cleandoc, isabstract
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from core.knob import Knob, LinearRange, LogRange, Range, Values, Wire

if TYPE_CHECKING:
    import torch

__all__ = [
    "Knob",
    "Knobs",
    "LinearRange",
    "LogRange",
    "Range",
    "Task",
    "Term",
    "Values",
    "Wire",
    "load_plugins",
    "structure",
]

Task = Literal["classification", "regression"]


class Term(Wire):
    """Base of every plug-in. A direct abstract subclass is a family; its leaves are the members.

    The docstring is the documentation: its first line is the summary; paragraphs that begin with
    `Formula:`, `Convention:`, `Shapes:` or `Reference:` are served under those names.
    """

    family: ClassVar[str]
    kind: str

    @classmethod
    def is_member(cls) -> bool:
        """A member names its kind; a family (and Term itself) does not."""
        return isinstance(cls.model_fields["kind"].default, str)

    @classmethod
    def members(cls) -> dict[str, type[Self]]:
        """Concrete kinds of this family, by wire name, sorted."""
        found: dict[str, type[Self]] = {}
        for sub in cls.__subclasses__():
            if sub.is_member() and not isabstract(sub):
                found[sub.wire_kind()] = sub
            found |= sub.members()
        return dict(sorted(found.items()))

    @classmethod
    def wire_kind(cls) -> str:
        kind = cls.model_fields["kind"].default
        assert isinstance(kind, str), f"{cls.__name__} declares no kind"
        return kind

    @classmethod
    def knobs(cls) -> dict[str, Knob]:
        """The knobs among the fields, by Python name (structural ones included)."""
        marks = {
            name: next((m for m in info.metadata if isinstance(m, Knob)), None)
            for name, info in cls.model_fields.items()
        }
        return {name: mark for name, mark in marks.items() if mark is not None}

    @classmethod
    def wire_name(cls, field: str) -> str:
        return cls.model_fields[field].alias or field

    @classmethod
    def documentation(cls) -> dict[str, str]:
        """`summary` and the named paragraphs of the docstring."""
        paragraphs = cleandoc(cls.__doc__ or "").split("\n\n")
        named = {"summary": " ".join(paragraphs[0].split())}
        for paragraph in paragraphs[1:]:
            head, colon, body = paragraph.partition(":")
            if colon and head in ("Formula", "Convention", "Shapes", "Reference"):
                named[head.lower()] = " ".join(body.split())
            else:
                named["description"] = " ".join(
                    filter(None, (named.get("description"), " ".join(paragraph.split())))
                )
        return named

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if cls.is_member() or not cls.members():
            return handler(source)
        members = {kind: handler.generate_schema(member) for kind, member in cls.members().items()}
        union = core_schema.tagged_union_schema(members, discriminator=_kind_of)
        return core_schema.no_info_before_validator_function(
            cls.expand, union, metadata={"pydantic_js_functions": [_json_schema_of_family(cls)]}
        )

    @classmethod
    def expand(cls, value: Any) -> Any:
        """Shorthand to full form: a bare string names a kind. Families may know more shorthands."""
        return {"kind": value} if isinstance(value, str) else value


def _kind_of(value: Any) -> Any:
    return value.get("kind") if isinstance(value, Mapping) else getattr(value, "kind", None)


def _json_schema_of_family(cls: type[Term]) -> Any:
    def build(schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        union = handler(schema)
        return {"anyOf": [{"type": "string", "enum": list(cls.members())}, union]}

    return build


def structure(value: object) -> Hashable:
    """What is left of a term without its knobs: equal for terms whose runs may share tensors.

    A layer's own regularizers are left out too: they are slots of the cohort, as any others.
    """
    if isinstance(value, Term):
        free = {name for name, knob in type(value).knobs().items() if not knob.structural}
        kept = (f for f in type(value).model_fields if f not in free and f != "regularizers")
        return tuple((name, structure(getattr(value, name))) for name in kept)
    if isinstance(value, tuple):
        return tuple(structure(item) for item in value)
    assert isinstance(value, Hashable), f"{value!r} has no hash"
    return value


def load_plugins(package: str, path: Sequence[str]) -> None:
    """Import every module of a plug-in package, so that its members exist. The set is closed."""
    for module in sorted(m.name for m in pkgutil.iter_modules(path)):
        import_module(f"{package}.{module}")


class Knobs:
    """The knobs of R instances of one kind, stacked: each attribute is a tensor of shape (R,).

    `idle`: every knob that can be neutral is, in all of them.
    """

    __slots__ = ("__dict__", "idle")

    def __init__(self, stacked: Mapping[str, torch.Tensor], *, idle: bool = False) -> None:
        self.__dict__.update(stacked)
        self.idle = idle

    def of(self, rows: slice) -> Knobs:
        """Those of some of the instances."""
        return Knobs({name: value[rows] for name, value in vars(self).items()}, idle=self.idle)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> torch.Tensor: ...
