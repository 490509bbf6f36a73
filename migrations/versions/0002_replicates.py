"""Let a run have a repeat and an inner fold; say the protocol of stored jobs anew

Before, `folds` validated and shared one test part. That is now `inner_folds` of one held-out part
(`folds` 1), and so the runs' folds become inner folds. `split.validation` was a share of all rows
and is one of the rows that do not test. Parts that each seed drew for itself (`split.resample`)
have no new name: such a job is stored as one held-out part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Document = dict[str, Any]  # Any: JSON

jobs = sa.table("jobs", sa.column("id", sa.String()), sa.column("document", sa.JSON()))
runs = sa.table("runs", sa.column("fold", BIG), sa.column("inner_fold", BIG))


def upgrade() -> None:
    op.add_column("runs", sa.Column("repeat", BIG, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("inner_fold", BIG, nullable=True))
    op.execute(runs.update().values(inner_fold=runs.c.fold, fold=None))
    _rewrite(_forth)


def downgrade() -> None:
    _rewrite(_back)
    op.execute(runs.update().where(runs.c.fold.is_(None)).values(fold=runs.c.inner_fold))
    op.drop_column("runs", "inner_fold")
    op.drop_column("runs", "repeat")


def _rewrite(change: Callable[[Document], Document]) -> None:
    connection = op.get_bind()
    for job_id, document in connection.execute(sa.select(jobs.c.id, jobs.c.document)).all():
        connection.execute(
            jobs.update().where(jobs.c.id == job_id).values(document=change(document))
        )


def _forth(document: Document) -> Document:
    split = {"validation": 0.2, "test": 0.2, **document.get("split", {})}
    split.pop("resample", None)
    split["validation"] = round(split["validation"] / (1 - split["test"]), 12)
    return {
        **document,
        "folds": 1,
        "repeats": 1,
        "inner_folds": document.get("folds"),
        "split": {**split, "by": "rows", "duplicates": "apart"},
    }


def _back(document: Document) -> Document:
    split = {"validation": 0.2, "test": 0.2, **document.get("split", {})}
    for name in ("by", "duplicates"):
        split.pop(name, None)
    split["validation"] = round(split["validation"] * (1 - split["test"]), 12)
    folds = document.get("folds") or 1
    kept = {k: v for k, v in document.items() if k not in ("repeats", "inner_folds")}
    return {
        **kept,
        "folds": folds if folds > 1 else document.get("inner_folds"),
        "split": {**split, "resample": False},
    }
