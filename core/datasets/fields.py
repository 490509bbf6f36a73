"""What one example is made of: fields, each with a name and a kind.

    values   numbers, standardised by the training part
    image    numbers by channel and place, standardised by channel
    ids      one of many things without order, such as a user: a whole number
    tokens   a text as whole numbers, one for each word; shorter texts end with NOTHING

What an id or a token means is known from the data; which of them a network may tell apart is known
from its training part alone, where the others become OTHER (`core.train.coding`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Shape = tuple[int, ...]
Kind = Literal["values", "image", "ids", "tokens"]
NUMBERS: tuple[Kind, ...] = ("values", "image")
NOTHING, OTHER = 0, 1
"""Of ids and tokens: no word is there; and one that the training part does not have."""
RESERVED = 2  # ids and tokens with a meaning begin here
SEEN_MIN = 2  # in a training part: what is there once teaches nothing of itself, but of OTHER
ONLY = "x"  # what the field is called where there is one only
TARGET = "target"  # what no field may be called
FITTED = "standardize/"


@dataclass(frozen=True)
class Field:
    """One named input of every example.

    shape: of one example, without what kinds imply: `(64,)`, channels first `(3, 32, 32)`, `()` of
        an id, `(T,)` of tokens, T those of the longest text.
    known: of ids and tokens, how many the data has, NOTHING and OTHER included.
    size: of ids and tokens, how many a network may tell apart, those included.
    by: what a text is split into, `word` or `character`.
    stored: the type of its array; `uint8` of images says that 0 to 255 stand for 0 to 1.
    given: of an image, mean and deviation of each channel to standardise by; None: fitted.
    """

    name: str
    kind: Kind
    shape: Shape
    known: int = 0
    size: int = 0
    by: str = ""
    stored: Literal["float32", "int32", "uint8"] = "float32"
    given: tuple[tuple[float, ...], tuple[float, ...]] | None = None

    @property
    def numbers(self) -> int:
        """How many one example holds."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Of one example as it is stored."""
        return self.numbers * (1 if self.stored == "uint8" else 4)

    @property
    def coded(self) -> bool:
        """Whether its numbers are names, which no arithmetic may be done with."""
        return self.kind not in NUMBERS

    @property
    def ragged(self) -> bool:
        """Whether examples differ in length, and shorter ones end with NOTHING."""
        return self.kind == "tokens"

    def document(self) -> dict[str, Any]:  # Any: JSON
        document = {"name": self.name, "kind": self.kind, "shape": list(self.shape)}
        if self.coded:
            return {**document, "known": self.known, "size": self.size, "by": self.by}
        if self.stored == "float32":
            return document
        return {**document, "stored": self.stored, "given": self.given}


def as_numbers(x: NDArray[Any]) -> NDArray[Any]:  # Any: bytes, and what stays as it is
    """Pixels that are kept as bytes, from 0 to 1; other arrays as they are."""
    return x.astype(np.float32) / np.float32(255) if x.dtype == np.uint8 else x


def field_of(document: Mapping[str, Any]) -> Field:  # Any: JSON
    """The inverse of `Field.document`."""
    given = document.get("given")
    return Field(
        **{
            **document,
            "shape": tuple(document["shape"]),
            "given": given and tuple(tuple(part) for part in given),
        }
    )


def numbers(shape: Sequence[int]) -> tuple[Field, ...]:
    """The only field of data that is an array of numbers: a table, or images."""
    return (Field(ONLY, "image" if len(shape) == 3 else "values", tuple(shape)),)


def fitted_name(field: str, name: str) -> str:
    """What a training part's mean, deviation or codes of a field are stored under, with weights.

    Of the only field `mean`, of the targets `target_mean`, of any other `<field>/mean`.
    """
    return name if field == ONLY else f"target_{name}" if field == TARGET else f"{field}/{name}"
