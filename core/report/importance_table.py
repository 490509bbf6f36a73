"""The importance of features as a table: a row for each, a column for each arm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.report.cells import NOTHING, Cell, Row, Tag, signed
from core.report.words import counted, interval, metric_words, unit_of_difference

if TYPE_CHECKING:
    from core.report.importance import Importance, Importances

ROWS_MAX = 64  # an image's patches; of a wider table what matters most
STANDS_OUT = Tag("better", "▲", "stands out")


def importance_rows(found: Importances) -> list[Row]:
    """What costs the first arm most comes first."""
    if not found.by_arm:
        return []
    first = next(iter(found.by_arm.values()))
    return [
        Row(first.regions.names[i], [_cell(name, told, i) for name, told in found.by_arm.items()])
        for i in first.order[:ROWS_MAX]
    ]


def importance_head(found: Importances) -> str:
    """How many rows there are of what."""
    return next((told.regions.counted for told in found.by_arm.values()), "")


def importance_words(found: Importances) -> str:
    """What the table says, and what it leaves out."""
    if not found.by_arm:
        return found.without or ""
    first = next(iter(found.by_arm.values()))
    unit = unit_of_difference(first.metric).strip()
    left = len(first.loss_F) - ROWS_MAX
    points = f", in percentage {unit}" if unit else ""
    noun = first.regions.noun
    told = (
        f"What {metric_words(first.metric)} loses{points}, where a {noun} has another row's value: "
        f"mean over {counted(first.runs, 'model')}, each on rows that it did not train on. "
        f"95 % intervals are each of one {noun} alone; of all that stand out, one in twenty may do "
        f"so by luck. Of two that tell the same a model may use either, so a small loss does not "
        f"say that the labels do not depend on it."
    )
    more = f" {left:,} more are left out." if left > 0 else ""
    return f"{told}{more}{f' Without {found.without}' if found.without else ''}"


def _cell(name: str, told: Importance, i: int) -> Cell:
    loss = float(told.loss_F[i])
    if loss != loss:  # NaN: nothing was scored
        return Cell(name, NOTHING)
    ends = (float(told.low_F[i]), float(told.high_F[i]))
    small = () if ends[0] != ends[0] else (interval(told.metric, ends),)
    return Cell(
        name, signed(told.metric, loss), small, "", STANDS_OUT if told.stands_out(i) else None
    )
