"""The tables. Rows stay in their session; ids, documents and values leave it.

No relationships: functions beside this file join what they need, so nothing loads by surprise.
A not-a-number never reaches a float column; documents are strict JSON.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from core.store.columns import Document, Instant, instant
from core.store.states import Status, Wanted

Big = BigInteger().with_variant(Integer, "sqlite")  # SQLite counts up only in INTEGER keys


class Row(DeclarativeBase):
    """Base of every table; constraints get names, so that a migration can speak of them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {
        datetime: Instant(),
        str: String(),
        int: Big,
        dict[str, Any]: Document(),
        list[str]: Document(),
        Status: String(),
        Wanted: String(),
    }


class Dataset(Row):
    """An upload, checked; its canonical artifact lies under `key`."""

    __tablename__ = "datasets"
    __table_args__ = (Index("ix_datasets_created_at_id", "created_at", "id"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    format: Mapped[str]
    task: Mapped[str]
    facts: Mapped[dict[str, Any]]  # the DatasetFacts, as JSON
    fingerprint: Mapped[str] = mapped_column(unique=True)  # of the bytes and the upload's spec
    sha256: Mapped[str]  # of the canonical artifact
    bytes: Mapped[int]
    key: Mapped[str]
    warnings: Mapped[list[str]]
    created_at: Mapped[datetime] = mapped_column(default=instant())


class Job(Row):
    """What a client posted, resolved, and how far it is."""

    __tablename__ = "jobs"
    __table_args__ = (
        Index("ix_jobs_created_at_id", "created_at", "id"),
        Index("ix_jobs_status_created_at_id", "status", "created_at", "id"),
        Index("ix_jobs_name_created_at_id", "name", "created_at", "id"),
        Index("ix_jobs_planned_wanted_rank_id", "planned", "wanted", "rank", "id"),
        Index("ix_jobs_deadline_at", "deadline_at"),
        Index("ix_jobs_dataset_id", "dataset_id"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str | None]
    status: Mapped[Status] = mapped_column(default="queued")
    wanted: Mapped[Wanted] = mapped_column(default="run")
    version: Mapped[int] = mapped_column(default=1)  # raised at every change; the ETag
    last_seq: Mapped[int] = mapped_column(default=0)  # of its newest event
    rank: Mapped[int]  # 9 - priority: what goes first is smaller
    device: Mapped[str] = mapped_column(default="auto")
    dataset_id: Mapped[str | None] = mapped_column(ForeignKey("datasets.id"))
    created_at: Mapped[datetime] = mapped_column(default=instant())
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    deadline_at: Mapped[datetime | None]
    runs_total: Mapped[int]
    runs_done: Mapped[int] = mapped_column(default=0)
    epochs_total: Mapped[int]  # run-epochs: the sum over runs of their epochs
    epochs_done: Mapped[int] = mapped_column(default=0)
    planned: Mapped[bool] = mapped_column(default=False)
    planner_id: Mapped[str | None]  # who cuts it into cohorts now, and until when
    planner_until: Mapped[datetime | None]
    planner_attempts: Mapped[int] = mapped_column(default=0)
    error: Mapped[dict[str, Any] | None]  # a Problem
    facts: Mapped[dict[str, Any]]  # of the dataset, as JSON
    document: Mapped[dict[str, Any]]  # the resolved specification


class Cohort(Row):
    """Runs trained together, and who holds them. `fence` is raised by every claim."""

    __tablename__ = "cohorts"
    __table_args__ = (
        UniqueConstraint("job_id", "ordinal"),
        Index("ix_cohorts_job_id_status", "job_id", "status"),
        Index("ix_cohorts_status_rank_job_id_ordinal", "status", "rank", "job_id", "ordinal"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    status: Mapped[Status] = mapped_column(default="queued")
    rank: Mapped[int]
    device: Mapped[str]
    fence: Mapped[int] = mapped_column(default=0)
    worker_id: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    rows: Mapped[int]  # runs in it
    epochs: Mapped[int]  # each run is to train
    epochs_done: Mapped[int] = mapped_column(default=0)  # run-epochs, of rows * epochs
    parameters: Mapped[int] = mapped_column(default=0)  # of one run
    memory_bytes: Mapped[int] = mapped_column(default=0)  # planned peak of the whole cohort
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    error: Mapped[dict[str, Any] | None]  # a Problem


class Run(Row):
    """One setting in one replicate: a seed and the parts of the data that it sees."""

    __tablename__ = "runs"
    __table_args__ = (
        UniqueConstraint("job_id", "ordinal"),
        Index("ix_runs_job_id_arm_ordinal", "job_id", "arm", "ordinal"),
        Index("ix_runs_job_id_status", "job_id", "status"),
        Index("ix_runs_cohort_id_row", "cohort_id", "row"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    ordinal: Mapped[int]
    arm: Mapped[str]
    setting: Mapped[dict[str, Any]]  # JSON pointer relative to the arm -> number
    seed: Mapped[int]
    repeat: Mapped[int] = mapped_column(default=0, server_default="0")
    fold: Mapped[int | None]
    inner_fold: Mapped[int | None]
    epochs: Mapped[int]
    status: Mapped[Status] = mapped_column(default="queued")
    cohort_id: Mapped[str | None] = mapped_column(ForeignKey("cohorts.id", ondelete="CASCADE"))
    row: Mapped[int | None]  # its place on the cohort's run axis
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)  # name -> last, best, best_epoch
    final: Mapped[dict[str, Any]] = mapped_column(default=dict)  # name -> score
    seconds: Mapped[float | None]
    stopped_epoch: Mapped[int | None]
    stop_reason: Mapped[str | None]
    error: Mapped[dict[str, Any] | None]  # a Problem


class Checkpoint(Row):
    """An artifact of a whole cohort at an epoch's end: to resume from, or weights to hand out."""

    __tablename__ = "checkpoints"
    __table_args__ = (Index("ix_checkpoints_cohort_id_kind_epoch", "cohort_id", "kind", "epoch"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    cohort_id: Mapped[str] = mapped_column(ForeignKey("cohorts.id", ondelete="CASCADE"))
    epoch: Mapped[int]
    kind: Mapped[str]
    key: Mapped[str]
    sha256: Mapped[str]
    bytes: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=instant())


class Event(Row):
    """What happened to a job, numbered from 1 without a gap; metrics lie a cohort-epoch a row."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("cohort_id", "type", "epoch"),  # a metrics row is written once
        Index("ix_events_job_id_type_seq", "job_id", "type", "seq"),
    )

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    type: Mapped[str]
    cohort_id: Mapped[str | None] = mapped_column(ForeignKey("cohorts.id", ondelete="CASCADE"))
    epoch: Mapped[int | None]  # of training; metrics rows only
    run_id: Mapped[str | None]
    data: Mapped[str] = mapped_column(Text)  # JSON text, passed through to streams
    created_at: Mapped[datetime] = mapped_column(default=instant())


class Idempotency(Row):
    """An answer kept for a client's key; written in the transaction of what it answers."""

    __tablename__ = "idempotency"
    __table_args__ = (Index("ix_idempotency_created_at", "created_at"),)

    scope: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int | None]
    body: Mapped[str | None] = mapped_column(Text)
    headers: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(default=instant())


class Worker(Row):
    """A worker process that was seen."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    device: Mapped[str]
    started_at: Mapped[datetime] = mapped_column(default=instant())
    seen_at: Mapped[datetime] = mapped_column(default=instant())


class Outbox(Row):
    """A wake-up owed to the broker."""

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=True)
    topic: Mapped[str]
    job_id: Mapped[str]
    device: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(default=instant())
