"""Health on the wire."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from api.schemas.outgoing import Outgoing


class Health(Outgoing):
    """The process answers."""

    status: Annotated[Literal["alive"], Field(description="Always `alive`.")] = "alive"
    version: Annotated[str, Field(description="Version of the service.")]


class Readiness(Outgoing):
    """Whether a job posted now would be trained."""

    status: Annotated[Literal["ready", "not_ready"], Field(description="All checks passed?")]
    checks: Annotated[
        dict[str, str],
        Field(
            description="`ok`, `off`, or what is wrong, for database, broker and workers.",
            examples=[{"database": "ok", "broker": "off", "workers": "ok"}],
        ),
    ]
