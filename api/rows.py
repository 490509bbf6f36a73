"""Scores by test row of the runs that a report chose: as workers stored them, or recomputed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from api.deps import Services
from api.recompute import recomputed_rows
from core.report.records import Lacking, RowBatch, RowsOf
from core.rows import read_rows
from core.store import checkpoints, runs


def rows_by_run(house: Services) -> RowsOf:
    """What a report asks for scores by row."""
    return lambda run_ids: list(_batches(house, run_ids))


def _batches(house: Services, run_ids: Sequence[str]) -> Iterator[RowBatch | Lacking]:
    """A cohort whose answers were over the budget is recomputed, where that is allowed."""
    stored = list(_stored(house, run_ids))
    answered = {run for batch in stored if batch.scores.answers is not None for run in batch.runs}
    again = list(recomputed_rows(house, [run for run in run_ids if run not in answered]))
    better = {run for batch in again if isinstance(batch, RowBatch) for run in batch.runs}
    yield from (batch for batch in stored if better.isdisjoint(batch.runs))
    yield from again


def _stored(house: Services, run_ids: Sequence[str]) -> Iterator[RowBatch]:
    """One of each cohort that stored any; a file that is gone is as one never written."""
    with house.database.read() as session:
        places = runs.places_of(session, run_ids)
        keys = {
            cohort_id: found[0].key
            for cohort_id in places
            if (found := checkpoints.of_cohort(session, cohort_id, "rows"))
        }
    for cohort_id, key in keys.items():
        rows, ids = zip(*sorted((row, run_id) for run_id, row in places[cohort_id]), strict=True)
        try:  # its checksum is not asked for: of a large file only some rows are read
            with house.artifacts.local(key) as path:
                yield RowBatch(ids, read_rows(path, rows))
        except FileNotFoundError:
            continue
