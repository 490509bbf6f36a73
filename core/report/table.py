"""Runs laid out as arrays: one row per setting, one column per replicate, one sheet per metric."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from core.datasets import Replicate
from core.report.layout import Layout, in_order
from core.report.records import FINAL, RunRecord
from core.report.statistics import Array

Key = tuple[tuple[str, float], ...]  # a setting: (pointer, value), sorted


@dataclass(frozen=True)
class Table:
    """All runs of one job.

    arms: each arm's rows, which lie together.
    settings: what each row is, sorted within its arm.
    layout: of the columns, which are the replicates, sorted.
    sheets: metric -> scores_SR, NaN where there is none; "epochs" and "seconds" are among them.
    run_of: (row, column) -> run id. runs: ids per row.
    diverged, missing: per row, how many of its runs gave no score and why.
    unfinished: how many runs may still score (queued, running) or never will (cancelled).
    """

    arms: dict[str, slice]
    settings: tuple[Key, ...]
    layout: Layout
    sheets: dict[str, Array]
    run_of: dict[tuple[int, int], str]
    runs: tuple[tuple[str, ...], ...]
    diverged: NDArray[np.int64]
    missing: NDArray[np.int64]
    unfinished: int


def tabulate(runs: Iterable[RunRecord]) -> Table:
    """Lay out the runs of one job. Their order does not matter."""
    ordered = sorted(runs, key=lambda run: run.id)
    keys = [(run.arm, tuple(sorted(run.setting.items()))) for run in ordered]
    settings = sorted(set(keys))
    places = [(run.seed, run.repeat, run.fold, run.inner_fold) for run in ordered]
    replicates = sorted((Replicate(*place) for place in set(places)), key=in_order)
    row_of = {key: row for row, key in enumerate(settings)}
    column_of = {astuple(replicate): column for column, replicate in enumerate(replicates)}
    rows = [row_of[key] for key in keys]
    columns = [column_of[place] for place in places]

    members: list[list[str]] = [[] for _ in settings]
    diverged = np.zeros(len(settings), dtype=np.int64)
    missing = np.zeros(len(settings), dtype=np.int64)
    for run, row in zip(ordered, rows, strict=True):
        members[row].append(run.id)
        diverged[row] += run.stop_reason == "diverged"
        missing[row] += run.stop_reason != "diverged" and not run.final
    return Table(
        arms=_spans([arm for arm, _ in settings]),
        settings=tuple(setting for _, setting in settings),
        layout=Layout(tuple(replicates)),
        sheets=_sheets(ordered, rows, columns, shape=(len(settings), len(replicates))),
        run_of={
            at: run.id for at, run in zip(zip(rows, columns, strict=True), ordered, strict=True)
        },
        runs=tuple(tuple(ids) for ids in members),
        diverged=diverged,
        missing=missing,
        unfinished=sum(run.status not in FINAL or run.status == "cancelled" for run in ordered),
    )


def _spans(sorted_arms: Sequence[str]) -> dict[str, slice]:
    first = {arm: row for row, arm in reversed(list(enumerate(sorted_arms)))}
    last = {arm: row for row, arm in enumerate(sorted_arms)}
    return {arm: slice(first[arm], last[arm] + 1) for arm in last}


def _sheets(
    runs: Sequence[RunRecord],
    rows: Sequence[int],
    columns: Sequence[int],
    *,
    shape: tuple[int, int],
) -> dict[str, Array]:
    """Runs that scored the same metrics go in together, as one array of (runs, metrics)."""
    alike: dict[tuple[str, ...], tuple[list[int], list[tuple[float | None, ...]]]] = {}
    for run, row, column in zip(runs, rows, columns, strict=True):
        if run.final and run.stop_reason != "diverged":
            cells, scores = alike.setdefault((*run.final, "epochs", "seconds"), ([], []))
            cells.append(row * shape[1] + column)
            scores.append((*run.final.values(), run.epochs, run.seconds))
    found: dict[str, Array] = {}
    for names, (cells, scores) in alike.items():
        for name, values in zip(names, np.array(scores, np.float64).T, strict=True):
            sheet = found.setdefault(name, np.full(shape[0] * shape[1], np.nan))
            sheet[cells] = np.where(np.isfinite(values), values, np.nan)
    scored = (name for name in sorted(found) if np.isfinite(found[name]).any())
    return {name: found[name].reshape(shape) for name in scored}
