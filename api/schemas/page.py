"""One page of a list."""

from __future__ import annotations

from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field

from api.schemas.outgoing import Outgoing

Item = TypeVar("Item")


class Page(Outgoing, Generic[Item]):
    """Part of a list; hand `next` back as `after` to read on."""

    object: Annotated[Literal["list"], Field(description="Always `list`.")] = "list"
    data: Annotated[list[Item], Field(description="The items of this page.")]
    has_more: Annotated[bool, Field(description="Whether more items follow now.")]
    next: Annotated[
        str | None,
        Field(
            description="Opaque cursor just behind the last item of this page (or where you"
            " stand, when it is empty): give it as `after`."
        ),
    ]
