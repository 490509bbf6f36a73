"""The scores of single test rows behind a report, as a table that it can be computed from again.

A line for each test row of each run that was chosen inside its fold: where it stands in the
dataset, which arm and replicate tested it, the target, what the row scored, and the answer.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isfinite

import numpy as np

from core.datasets import Replicate
from core.report.entries import check_known, entries_of, tables_of
from core.report.records import JobRecord, Lacking, RowBatch, RowsOf, RunRecord
from core.report.render import inert
from core.report.report import Rule
from core.report.together import check_together, selection_of, unique_names
from core.rows import PADDING, RowScores

HEAD = ("job", "arm", "setting", "run", "repeat", "fold", "seed", "inner_fold", "row", "group")
Cell = str | int | float | None
Columns = dict[str, list[Cell]]


@dataclass(frozen=True)
class Chosen:
    """A run that was chosen inside its fold, and whose it is."""

    job: str
    arm: str
    setting: str
    run: str
    replicate: Replicate


@dataclass(frozen=True)
class RowTable:
    """Its columns, and how many lines it has; made run by run, since large data has many.

    lacking: why scores that could be recomputed are not there.
    """

    columns: tuple[str, ...]
    lines: int
    blocks: Sequence[tuple[Chosen, RowScores, int]]
    lacking: str | None = None

    def columns_of(self, block: tuple[Chosen, RowScores, int]) -> Columns:
        """One run's lines, by column."""
        chosen, scores, place = block
        stream = scores.stream_R[place]
        there_N = scores.index_SN[stream] != PADDING
        found = _named(scores, place, there_N)
        n = int(there_N.sum())
        fixed = (chosen.job, chosen.arm, chosen.setting, chosen.run)
        at = chosen.replicate
        numbers = (at.repeat, at.fold, at.seed, at.inner_fold)
        head: Columns = {
            name: [value] * n for name, value in zip(HEAD, (*fixed, *numbers), strict=False)
        }
        empty: list[Cell] = [None] * n
        return {name: head.get(name) or found.get(name) or empty for name in self.columns}

    def whole(self) -> Columns:
        """All lines, by column."""
        whole: Columns = {name: [] for name in self.columns}
        for block in self.blocks:
            for name, values in self.columns_of(block).items():
                whole[name] += values
        return whole

    def csv(self) -> Iterator[str]:
        """A head, and the lines of one run after those of another."""
        yield _csv([self.columns])
        for block in self.blocks:
            columns = self.columns_of(block)
            columns = {**columns, **{k: [inert(str(v)) for v in columns[k]] for k in HEAD[:4]}}
            yield _csv(zip(*columns.values(), strict=True))


def row_table(
    jobs: Sequence[JobRecord],
    runs: Iterable[RunRecord],
    rows_of: RowsOf,
    *,
    metric: str | None = None,
    rule: Rule | None = None,
) -> RowTable:
    """Of the runs that a report with the same metric and rule compares.

    InvalidSpec: as `build_report`. Without stored scores by row the table has no lines.
    """
    check_together(jobs)
    selection = selection_of(jobs, metric=metric, rule=rule)
    tables = tables_of(jobs, runs)
    if metric is not None:
        check_known(selection.metric, tables.values())
    entries = entries_of(jobs, tables, selection)
    names = unique_names([(entry.job, entry.arm) for entry in entries])
    chosen = {
        run: Chosen(entry.job.id, name, entry.recipe.label(entry.settings[row]), run, replicate)
        for entry, name in zip(entries, names, strict=True)
        for replicate, row, run in zip(
            entry.table.layout.replicates,
            entry.taken_R(selection.rule).tolist(),
            entry.runs_R(selection.rule),
            strict=True,
        )
        if run is not None
    }
    found = list(rows_of(list(chosen))) if chosen else []
    table = _table(chosen, [batch for batch in found if isinstance(batch, RowBatch)])
    why = next((batch.why for batch in found if isinstance(batch, Lacking)), None)
    return replace(table, lacking=why)


def _table(chosen: Mapping[str, Chosen], batches: Sequence[RowBatch]) -> RowTable:
    found = {run: (batch.scores, j) for batch in batches for j, run in enumerate(batch.runs)}
    blocks = [(chosen[run], *found[run]) for run in chosen if run in found]
    names: dict[str, None] = {}
    lines = 0
    for _, scores, place in blocks:
        there_N = scores.index_SN[scores.stream_R[place]] != PADDING
        lines += int(there_N.sum())
        names |= dict.fromkeys(_named(scores, place, there_N & False))
    rest = [name for name in names if name not in HEAD]
    return RowTable((*HEAD, *rest), lines, blocks)


def _named(scores: RowScores, place: int, there_N: np.ndarray) -> Columns:
    """What the artifact holds of one run's rows, by column."""
    stream = scores.stream_R[place]
    found: Columns = {"row": scores.index_SN[stream][there_N].tolist()}
    if scores.group_SN is not None:
        found["group"] = scores.group_SN[stream][there_N].tolist()
    found |= _spread("target", scores.target_SN[stream][there_N])
    found |= {name: _cells(of_R[place][there_N]) for name, of_R in sorted(scores.row.items())}
    if scores.probability_RNC is not None:
        found |= _spread("probability", scores.probability_RNC[place][there_N], always=True)
    if scores.prediction_RNO is not None:
        found |= _spread("prediction", scores.prediction_RNO[place][there_N])
    return found


def _spread(name: str, values: np.ndarray, *, always: bool = False) -> Columns:
    """A column, or one for each of several numbers of a row."""
    if values.ndim == 1:
        return {name: _cells(values)}
    if values.shape[1] == 1 and not always:
        return {name: _cells(values[:, 0])}
    return {f"{name}_{i}": _cells(values[:, i]) for i in range(values.shape[1])}


def _cells(values: np.ndarray) -> list[Cell]:
    """As strict JSON has them: what is not finite is null."""
    listed: list[Cell] = values.tolist()
    if values.dtype.kind != "f":
        return listed
    return [value if isinstance(value, float) and isfinite(value) else None for value in listed]


def _csv(rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
