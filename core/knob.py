"""Knobs: numbers that may differ from run to run inside a cohort.

On the wire a knob is a number or a range; the specification resolves it to one number per run;
the maths sees an `(R,)` tensor.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

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
            raise PydanticCustomError(
                "range",
                "a range goes from a smaller to a larger number, not from {a} to {b}",
                {"a": f"{self.range[0]:g}", "b": f"{self.range[1]:g}"},
            )
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
                "log_range",
                "a log_range goes from a positive number to a larger one, not from {a} to {b}",
                {"a": f"{self.log_range[0]:g}", "b": f"{self.log_range[1]:g}"},
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
