from __future__ import annotations

import json
import threading

import pytest

from core.errors import NotFound
from core.store import cohorts, events
from tests.waiting import PATIENCE_S


def claim(database):
    with database.write() as session:
        return cohorts.claim_next(session, "w1", ["auto"], 30)


def metrics(database, held, epoch, data=None):
    with database.write() as session:
        return events.append(
            session,
            held.job_id,
            "metrics",
            data or {"epoch": epoch},
            cohort_id=held.id,
            fence=held.fence,
            epoch=epoch,
        )


def test_metrics_of_one_epoch_written_twice_are_one_row(database, insert):
    insert(2, cut=2)
    held = claim(database)
    first = metrics(database, held, 1)
    assert metrics(database, held, 1) is None
    assert metrics(database, held, 2) == first + 1
    with database.read() as session:
        rows = events.read_after(session, held.job_id, types=["metrics"])
        assert [row.epoch for row in rows] == [1, 2]


def test_numbers_have_no_gap_and_no_double_when_many_write(database, insert):
    job = insert()

    def write():
        for _ in range(10):
            with database.write() as session:
                events.append(session, job.id, "event", {"event": "x"})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    with database.read() as session:
        rows = events.read_after(session, job.id, limit=1000)
    assert [row.seq for row in rows] == list(range(1, 42))


def test_reading_after_a_number_goes_on_where_it_stopped(database, insert):
    insert(4, cut=2)
    one, two = claim(database), claim(database)
    for epoch in (1, 2, 3):
        metrics(database, one, epoch)
        metrics(database, two, epoch)
    with database.read() as session:
        page = events.read_after(session, one.job_id, types=["metrics"], limit=4)
        rest = events.read_after(session, one.job_id, page[-1].seq, types=["metrics"])
        assert [(e.cohort_id, e.epoch) for e in rest] == [(one.id, 3), (two.id, 3)]
        mine = events.read_after(session, one.job_id, types=["metrics"], cohort_ids=[two.id])
        assert [e.epoch for e in mine] == [1, 2, 3]


def test_data_is_strict_json_text(database, insert):
    insert(2, cut=2)
    held = claim(database)
    with pytest.raises(ValueError, match="JSON compliant"):
        metrics(database, held, 1, {"metrics": {"val_loss": [float("nan")]}})
    metrics(database, held, 1, {"metrics": {"val_loss": [None]}})
    with database.read() as session:
        row = events.read_after(session, held.job_id, types=["metrics"])[0]
    assert json.loads(row.data) == {"metrics": {"val_loss": [None]}}


def test_an_event_of_no_job_is_refused(database):
    with pytest.raises(NotFound), database.write() as session:
        events.append(session, "job_nope", "event", {})


def test_epochs_appended_at_once_are_numbered_in_order_and_written_ones_are_skipped(
    database, insert
):
    insert(2, cut=2)
    held = claim(database)
    metrics(database, held, 2)
    for _ in range(2):
        with database.write() as session:
            epochs = [(epoch, {"epoch": epoch}) for epoch in (1, 2, 3)]
            events.append_epochs(session, held.job_id, held.id, held.fence, epochs)
    with database.read() as session:
        rows = events.read_after(session, held.job_id, types=["metrics"])
        everything = events.read_after(session, held.job_id)
    assert [row.epoch for row in rows] == [2, 1, 3]
    assert [row.seq for row in everything] == list(range(1, len(everything) + 1))


def test_rows_are_spread_evenly_over_long_cohorts_and_end_with_the_last(database, insert):
    insert(4, cut=2)
    one, two = claim(database), claim(database)
    for epoch in range(1, 11):
        metrics(database, one, epoch)
        if epoch <= 6:
            metrics(database, two, epoch)

    def spread(rows_max, *held):
        ids = [cohort.id for cohort in held]
        with database.read() as session:
            rows = list(events.read_spread(session, one.job_id, ids, rows_max=rows_max))
        return [[row.epoch for row in rows if row.cohort_id == cohort.id] for cohort in held]

    assert spread(10, one) == [list(range(1, 11))]
    assert spread(4, one, two) == [[1, 4, 7, 10], [1, 4, 6]]
    assert spread(4, two) == [[1, 3, 5, 6]]
    assert spread(4) == []
