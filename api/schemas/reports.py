"""What goes out beside a report, whose own schema belongs to core."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from api.schemas.outgoing import Outgoing


class RowColumns(Outgoing):
    """Scores of single test rows, a list for each column, all of the same length."""

    object: Literal["rows"] = Field("rows", description="What this is.")
    lines: int = Field(description="How many rows there are.")
    columns: dict[str, list[str | int | float | None]] = Field(
        description="By name: job, arm, setting, run, repeat, fold, seed, inner_fold, row (its"
        " number in the dataset), group, target, a column for each score of a row, and"
        " `probability_0…` or `prediction`."
    )
