"""Create the tables"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "datasets",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("task", sa.String(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bytes", BIG, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_datasets"),
        sa.UniqueConstraint("fingerprint", name="uq_datasets_fingerprint"),
    )
    op.create_index("ix_datasets_created_at_id", "datasets", ["created_at", "id"])

    op.create_table(
        "idempotency",
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("status", BIG, nullable=True),
        sa.Column("body", sa.Text(), nullable=True),
        sa.Column("headers", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("scope", name="pk_idempotency"),
    )
    op.create_index("ix_idempotency_created_at", "idempotency", ["created_at"])

    op.create_table(
        "outbox",
        sa.Column("id", BIG, autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", BIG, nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("version", BIG, nullable=False),
        sa.Column("last_seq", BIG, nullable=False),
        sa.Column("rank", BIG, nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("dataset_id", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("runs_total", BIG, nullable=False),
        sa.Column("runs_done", BIG, nullable=False),
        sa.Column("epochs_total", BIG, nullable=False),
        sa.Column("epochs_done", BIG, nullable=False),
        sa.Column("planned", sa.Boolean(), nullable=False),
        sa.Column("planner_id", sa.String(), nullable=True),
        sa.Column("planner_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("planner_attempts", BIG, nullable=False),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name="fk_jobs_dataset_id"),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    op.create_index("ix_jobs_created_at_id", "jobs", ["created_at", "id"])
    op.create_index("ix_jobs_dataset_id", "jobs", ["dataset_id"])
    op.create_index("ix_jobs_deadline_at", "jobs", ["deadline_at"])
    op.create_index("ix_jobs_name_created_at_id", "jobs", ["name", "created_at", "id"])
    op.create_index("ix_jobs_planned_wanted_rank_id", "jobs", ["planned", "wanted", "rank", "id"])
    op.create_index("ix_jobs_status_created_at_id", "jobs", ["status", "created_at", "id"])

    op.create_table(
        "cohorts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("ordinal", BIG, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("rank", BIG, nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("fence", BIG, nullable=False),
        sa.Column("worker_id", sa.String(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", BIG, nullable=False),
        sa.Column("rows", BIG, nullable=False),
        sa.Column("epochs", BIG, nullable=False),
        sa.Column("epochs_done", BIG, nullable=False),
        sa.Column("parameters", BIG, nullable=False),
        sa.Column("memory_bytes", BIG, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_cohorts_job_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_cohorts"),
        sa.UniqueConstraint("job_id", "ordinal", name="uq_cohorts_job_id_ordinal"),
    )
    op.create_index("ix_cohorts_job_id_status", "cohorts", ["job_id", "status"])
    op.create_index(
        "ix_cohorts_status_rank_job_id_ordinal", "cohorts", ["status", "rank", "job_id", "ordinal"]
    )

    op.create_table(
        "checkpoints",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("cohort_id", sa.String(), nullable=False),
        sa.Column("epoch", BIG, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("bytes", BIG, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["cohort_id"], ["cohorts.id"], name="fk_checkpoints_cohort_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_checkpoints"),
    )
    op.create_index(
        "ix_checkpoints_cohort_id_kind_epoch", "checkpoints", ["cohort_id", "kind", "epoch"]
    )

    op.create_table(
        "events",
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("cohort_id", sa.String(), nullable=True),
        sa.Column("epoch", BIG, nullable=True),
        sa.Column("run_id", sa.String(), nullable=True),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["cohort_id"], ["cohorts.id"], name="fk_events_cohort_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["job_id"], ["jobs.id"], name="fk_events_job_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "seq", name="pk_events"),
        sa.UniqueConstraint("cohort_id", "type", "epoch", name="uq_events_cohort_id_type_epoch"),
    )
    op.create_index("ix_events_job_id_type_seq", "events", ["job_id", "type", "seq"])

    op.create_table(
        "runs",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("job_id", sa.String(), nullable=False),
        sa.Column("ordinal", BIG, nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("setting", sa.JSON(), nullable=False),
        sa.Column("seed", BIG, nullable=False),
        sa.Column("fold", BIG, nullable=True),
        sa.Column("epochs", BIG, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cohort_id", sa.String(), nullable=True),
        sa.Column("row", BIG, nullable=True),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("final", sa.JSON(), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("stopped_epoch", BIG, nullable=True),
        sa.Column("stop_reason", sa.String(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["cohort_id"], ["cohorts.id"], name="fk_runs_cohort_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name="fk_runs_job_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
        sa.UniqueConstraint("job_id", "ordinal", name="uq_runs_job_id_ordinal"),
    )
    op.create_index("ix_runs_cohort_id_row", "runs", ["cohort_id", "row"])
    op.create_index("ix_runs_job_id_arm_ordinal", "runs", ["job_id", "arm", "ordinal"])
    op.create_index("ix_runs_job_id_status", "runs", ["job_id", "status"])


def downgrade() -> None:
    op.drop_table("runs")
    op.drop_table("events")
    op.drop_table("checkpoints")
    op.drop_table("cohorts")
    op.drop_table("jobs")
    op.drop_table("workers")
    op.drop_table("outbox")
    op.drop_table("idempotency")
    op.drop_table("datasets")
