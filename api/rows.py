"""Scores by test row as the workers stored them, of the runs that a report chose."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from api.deps import Services
from core.report.records import RowBatch, RowsOf
from core.rows import read_rows
from core.store import checkpoints, runs


def stored_rows(house: Services) -> RowsOf:
    """What a report asks for scores by row."""
    return lambda run_ids: list(_batches(house, run_ids))


def _batches(house: Services, run_ids: Sequence[str]) -> Iterator[RowBatch]:
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
