"""Term: one class per plug-in, holding its parameters and its maths.

A *family* (losses, regularizers, …) is an abstract Term; its members are the concrete subclasses.
Annotating a field with the family is enough: pydantic then accepts any member by its `kind`
(or the bare string `"mlp"` for `{"kind": "mlp"}`), and OpenAPI and the catalogue follow.

A *knob* is a number that may differ from run to run inside a cohort. On the wire it is a number
or a range; the specification resolves it to one number per run; the maths sees an `(R,)` tensor.
"""

from __future__ import annotations

import math
import operator
import pkgutil
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from inspect import cleandoc, isabstract
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

if TYPE_CHECKING:
    import torch

Task = Literal["classification", "regression"]

LARGEST = 3e38  # a knob is computed in float32, which ends at 3.4e38
MAX_RANGE_VALUES = 1000  # one range alone may not ask for more; runs per job are limited besides


class Wire(BaseModel):
    """Base of everything a client may send inside a job: frozen, nothing unknown, finite."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


class Values(Wire):
    """Exactly these values: `{"values": [0.1, 0.3]}`."""

    values: Annotated[tuple[float, ...], Field(min_length=1, max_length=MAX_RANGE_VALUES)]

    def grid(self) -> tuple[float, ...]:
        return self.values

    def at(self, u: float) -> float:
        """The value at `u` in [0, 1), for random search."""
        return self.values[int(u * len(self.values))]


class LinearRange(Wire):
    """`num` values evenly spaced from a to b: `{"range": [a, b], "num": n}`."""

    range: tuple[float, float]
    num: Annotated[int, Field(ge=2, le=MAX_RANGE_VALUES)] = 5

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not self.range[0] < self.range[1]:
            raise PydanticCustomError("range", "a range goes from a smaller to a larger number")
        return self

    def grid(self) -> tuple[float, ...]:
        a, b = self.range
        inner = (a + (b - a) * i / (self.num - 1) for i in range_of(self.num - 1))
        return (*(min(value, b) for value in inner), b)  # rounding never leaves the range

    def at(self, u: float) -> float:
        a, b = self.range
        return a + (b - a) * u


class LogRange(Wire):
    """`num` values evenly spaced in logarithm: `{"log_range": [a, b], "num": n}`, 0 < a < b."""

    log_range: tuple[float, float]
    num: Annotated[int, Field(ge=2, le=MAX_RANGE_VALUES)] = 5

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 < self.log_range[0] < self.log_range[1]:
            raise PydanticCustomError(
                "log_range", "a log_range goes from a positive number to a larger one"
            )
        return self

    def grid(self) -> tuple[float, ...]:
        """Exact ends; the values between are rounded to 6 digits, so that people can read them."""
        a, b = self.log_range
        inner = (float(f"{self.at(i / (self.num - 1)):.6g}") for i in range_of(1, self.num - 1))
        return (a, *(min(max(value, a), b) for value in inner), b)

    def at(self, u: float) -> float:
        a, b = self.log_range
        log_a, log_b = math.log(a), math.log(b)  # b / a may be more than a float holds
        return min(max(math.exp(log_a + u * (log_b - log_a)), a), b)


range_of = range  # LinearRange has a field called `range`
Range = Values | LinearRange | LogRange


@dataclass(frozen=True)
class Knob:
    """Marks a numeric field that may be a range: `lam: Annotated[float, Knob(ge=0)] = …`.

    neutral: the value at which the term does nothing, given to cohort neighbours that lack it.
    simpler: which direction is the simpler model, for the one-standard-error rule.
    structural: it changes shapes or code, so its values separate cohorts instead of sharing one.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    neutral: float | None = None
    simpler: Literal["high", "low"] | None = None
    structural: bool = False
    integer: bool = False

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        bounds = self._bounds()
        number: CoreSchema = (
            core_schema.int_schema(strict=True, **bounds)
            if self.integer
            else core_schema.float_schema(allow_inf_nan=False, strict=True, **bounds)
        )
        ranges = {
            key: core_schema.no_info_after_validator_function(
                self._check_values, handler.generate_schema(model)
            )
            for key, model in (("values", Values), ("range", LinearRange), ("log_range", LogRange))
        }
        return core_schema.tagged_union_schema(
            {"number": number, **ranges}, discriminator=_number_or_range
        )

    def _bounds(self) -> dict[str, Any]:  # Any: pydantic's schemas want int or float
        """The bounds there are; every float has an upper one."""
        given = {k: v for k in ("ge", "gt", "le", "lt") if (v := getattr(self, k)) is not None}
        return given if "lt" in given or self.integer else {"le": LARGEST} | given

    def _check_values(self, drawn: Range) -> Range:
        bounds = self._bounds()
        for value in drawn.grid():
            if self.integer and value != int(value):
                raise PydanticCustomError(
                    "knob", "{value} is not a whole number", {"value": f"{value:g}"}
                )
            for name, holds, words in (
                ("ge", operator.ge, "at least"),
                ("gt", operator.gt, "greater than"),
                ("le", operator.le, "at most"),
                ("lt", operator.lt, "less than"),
            ):
                if name in bounds and not holds(value, bounds[name]):
                    raise PydanticCustomError(
                        "knob",
                        "{value} in this range should be {words} {bound}",
                        {"value": f"{value:g}", "words": words, "bound": f"{bounds[name]:g}"},
                    )
        return drawn


def _number_or_range(value: Any) -> str:
    if isinstance(value, Values) or (isinstance(value, Mapping) and "values" in value):
        return "values"
    if isinstance(value, LinearRange) or (isinstance(value, Mapping) and "range" in value):
        return "range"
    if isinstance(value, LogRange) or (isinstance(value, Mapping) and "log_range" in value):
        return "log_range"
    return "number"


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
    """The knobs of R instances of one kind, stacked: each attribute is a tensor of shape (R,)."""

    def __init__(self, stacked: Mapping[str, torch.Tensor]) -> None:
        self.__dict__.update(stacked)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> torch.Tensor: ...
