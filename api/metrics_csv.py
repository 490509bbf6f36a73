"""Every logged value of a job as CSV, read and sent a batch at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from api.deps import Services
from api.history import PointFilter, reader_of
from api.schemas.runs import MetricPoint
from core.store import jobs, runs

MEDIA: Mapping[str, str] = {"json": "application/json", "csv": "text/csv; charset=utf-8"}
HEADER = (
    "run", "arm", "seed", "repeat", "fold", "inner_fold", "epoch", "name", "value", "kind",
)  # fmt: skip
Place = tuple[str, int, int, int | None, int | None]  # arm, seed, repeat, fold, inner fold
BATCH = 5000  # points read in one transaction


def metrics_csv(house: Services, job_id: str, wanted: PointFilter) -> Iterator[str]:
    """The points in the order they were written, to the end of what is there now.

    Raises, before the first line, what a page of them raises.
    """
    with house.database.read() as session:
        reader_of(session, jobs.get_job(session, job_id), wanted)
        places = {
            run.id: (run.arm, run.seed, run.repeat, run.fold, run.inner_fold)
            for run in runs.of_job(session, job_id, limit=None)
        }
    return _lines(house, job_id, wanted, places)


def _lines(
    house: Services, job_id: str, wanted: PointFilter, places: Mapping[str, Place]
) -> Iterator[str]:
    yield _csv([HEADER])
    seq, offset, more = 0, 0, True
    while more:
        with house.database.read() as session:
            reader = reader_of(session, jobs.get_job(session, job_id), wanted)
            points = reader.read(seq, offset, BATCH)
        yield _csv([_cells(point, places) for point in points])
        seq, offset, more = reader.seq, reader.offset, reader.more


def _cells(point: MetricPoint, places: Mapping[str, Place]) -> Sequence[object]:
    return point.run, *places[point.run], point.epoch, point.name, point.value, point.kind


def _csv(rows: Sequence[Sequence[object]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()
