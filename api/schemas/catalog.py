"""The catalogue on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, JsonValue

from api.schemas.outgoing import Outgoing
from api.schemas.page import Page


class KnobEntry(Outgoing):
    """A numeric parameter that may be a range."""

    name: Annotated[str, Field(description="Its name on the wire.")]
    integer: Annotated[bool, Field(description="Whether it is a whole number.")]
    ge: Annotated[float | None, Field(description="At least this, where bounded.")]
    gt: Annotated[float | None, Field(description="Greater than this, where bounded.")]
    le: Annotated[float | None, Field(description="At most this, where bounded.")]
    lt: Annotated[float | None, Field(description="Less than this, where bounded.")]
    default: Annotated[float | None, Field(description="The default; null if required.")]
    neutral: Annotated[float | None, Field(description="The value at which it does nothing.")]
    simpler: Annotated[
        Literal["high", "low"] | None,
        Field(description="Which direction makes the simpler model (the 1-SE rule uses it)."),
    ]
    structural: Annotated[
        bool, Field(description="Whether different values must train apart from each other.")
    ]


class CatalogLinks(Outgoing):
    """Where to go from an entry."""

    self: Annotated[str, Field(description="This entry alone.")]


class CatalogEntry(Outgoing):
    """One plug-in: what it does, by which convention, and how to ask for it."""

    object: Annotated[Literal["catalog_entry"], Field(description="Always this word.")] = (
        "catalog_entry"
    )
    family: Annotated[str, Field(description="What it is one of.", examples=["regularizer"])]
    kind: Annotated[str, Field(description="Its name on the wire.", examples=["l1"])]
    summary: Annotated[str, Field(description="What it does, in one sentence.")]
    description: Annotated[str | None, Field(description="More about it.")]
    formula: Annotated[str | None, Field(description="Its formula.")]
    convention: Annotated[
        str | None, Field(description="Which of several conventions in use holds here.")
    ]
    reference: Annotated[str | None, Field(description="Where it comes from.")]
    parameters: Annotated[dict[str, JsonValue], Field(description="JSON schema of its parameters.")]
    knobs: Annotated[list[KnobEntry], Field(description="Parameters that may be ranges.")]
    works_with: Annotated[
        dict[str, list[str]],
        Field(
            description="By family or `task`: the kinds it goes with. Without a key: all.",
            examples=[{"task": ["classification"]}],
        ),
    ]
    traits: Annotated[
        dict[str, str],
        Field(
            description="What else it declares: where it acts (`hook`), which way is better"
            " (`direction`).",
            examples=[{"hook": "penalty"}],
        ),
    ]
    example: Annotated[
        dict[str, JsonValue] | None, Field(description="The shortest object that asks for it.")
    ]
    links: Annotated[CatalogLinks, Field(description="Where to go from here.")]


class Catalog(Outgoing):
    """Everything that a job may name, by family."""

    object: Annotated[Literal["catalog"], Field(description="Always `catalog`.")] = "catalog"
    families: Annotated[
        dict[str, list[CatalogEntry]], Field(description="The kinds of each family.")
    ]


class CatalogPage(Page[CatalogEntry]):
    """The kinds of one family; there are few, so it is one page."""
