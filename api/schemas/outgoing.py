"""The base of every outgoing model."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Outgoing(BaseModel):
    """Something the service says. Frozen; its schema names every field as present."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        json_schema_serialization_defaults_required=True,
    )
