"""Settings: the environment, read once at a program's entry. Prefix `OCCAM_`, units in names.

`Settings()` reads the environment; nothing is read at import. Every default works on a laptop.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

MIB = 1024 * 1024
GIB = 1024 * MIB


class Settings(BaseSettings):
    """Where things are, how long to wait, and every limit. Frozen after reading."""

    model_config = SettingsConfigDict(env_prefix="OCCAM_", frozen=True, extra="ignore")

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    data_dir: Path = Path("occam-data")
    database_url: str = Field(default_factory=lambda known: _sqlite_in(known["data_dir"]))
    broker_url: str | None = None
    artifacts_url: str = Field(default_factory=lambda known: _folder_in(known["data_dir"]))
    device: Literal["auto", "cpu", "cuda"] = "auto"
    api_keys: Annotated[tuple[str, ...], NoDecode] = Field(default=(), repr=False)
    log_format: Literal["json", "text"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    # Leases: by the database's clock. Five heartbeats may be missed before a lease runs out.
    lease_s: PositiveFloat = 30.0
    heartbeat_s: PositiveFloat = 5.0
    attempts_max: PositiveInt = 3
    poll_s: PositiveFloat = 1.0  # a change whose ring was lost is noticed by then
    sweep_every_s: PositiveFloat = 5.0
    checkpoint_every_s: PositiveFloat = 10.0
    checkpoints_kept: PositiveInt = 2
    cohort_memory_bytes: PositiveInt = 2 * GIB
    trainer_memory_bytes_max: PositiveInt = 16 * GIB
    rows_bytes_max: PositiveInt = 256 * MIB  # of one cohort's scores of single test rows
    cancel_grace_s: PositiveFloat = 10.0
    shutdown_grace_s: PositiveFloat = 20.0

    # Scores by test row that a report lacks and its process computes from the weights.
    recompute_s_max: PositiveFloat = 20.0  # of a rough estimate, so that a report stays the same
    recompute_bytes_max: PositiveInt = GIB  # of the data and the scores

    draw_ahead: bool = True  # the API draws a job's page when the job ends, not at the first view

    # Limits of a request.
    body_bytes_max: PositiveInt = 1 * MIB
    page_limit_max: PositiveInt = 1000
    wait_s_max: PositiveFloat = 60.0
    streams_max: PositiveInt = 500
    predict_inputs_max: PositiveInt = 10_000
    idempotency_ttl_s: PositiveFloat = 24 * 3600.0

    # Limits of a job.
    runs_max: PositiveInt = 10_000
    arms_max: PositiveInt = 50
    epochs_max: PositiveInt = 100_000
    layers_max: PositiveInt = 100
    parameters_max: PositiveInt = 50_000_000
    name_length_max: PositiveInt = 200

    # Limits of an upload.
    upload_bytes_max: PositiveInt = 256 * MIB
    upload_unpacked_bytes_max: PositiveInt = 1 * GIB
    upload_rows_max: PositiveInt = 2_000_000
    upload_columns_max: PositiveInt = 10_000
    upload_classes_max: PositiveInt = 1000

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:  # Any: whatever the environment or a caller gives
        """`OCCAM_API_KEYS=a,b` is two keys."""
        if isinstance(value, str):
            return tuple(key.strip() for key in value.split(",") if key.strip())
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.heartbeat_s * 2 > self.lease_s:
            raise ValueError("OCCAM_LEASE_S must be at least twice OCCAM_HEARTBEAT_S")
        return self


def _sqlite_in(folder: Path) -> str:
    return f"sqlite:///{folder.resolve() / 'occam.db'}"


def _folder_in(folder: Path) -> str:
    return (folder.resolve() / "artifacts").as_uri()
