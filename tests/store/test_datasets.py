from __future__ import annotations

import pytest

from core.errors import Conflict, NotFound
from core.store import datasets, jobs
from core.store.ids import new_id

JOB = [jobs.NewRun(arm="base", setting={}, seed=0, epochs=1)]


@pytest.fixture
def upload(database):
    def upload(fingerprint="f"):
        with database.write() as session:
            return datasets.insert_dataset(
                session,
                id=new_id("ds"),
                name="iris",
                format="csv",
                task="classification",
                facts={"examples": 150},
                fingerprint=fingerprint,
                sha256="s",
                size_bytes=3,
                key="datasets/x",
                warnings=["two rows are alike"],
            )

    return upload


def test_the_same_bytes_and_spec_are_one_dataset(database, upload):
    first = upload()
    assert upload().id == first.id
    assert upload("other").id != first.id
    with database.read() as session:
        assert datasets.find_dataset(session, "f").warnings == ["two rows are alike"]
        assert datasets.find_dataset(session, "g") is None


def test_pages_are_newest_first(database, upload):
    made = [upload(str(i)).id for i in range(5)]
    with database.read() as session:
        page = datasets.list_datasets(session, limit=2)
        rest = datasets.list_datasets(session, after=(page[-1].created_at, page[-1].id))
    assert [row.id for row in [*page, *rest]] == made[::-1]


def test_a_dataset_in_use_stays(database, upload):
    row = upload()
    with database.write() as session:
        job = jobs.insert_job(session, {}, JOB, facts={}, dataset_id=row.id)
    with pytest.raises(Conflict, match=job.id), database.write() as session:
        datasets.delete_dataset(session, row.id)
    with database.write() as session:
        jobs.delete_job(session, job.id)
        assert datasets.delete_dataset(session, row.id) == "datasets/x"
    with database.read() as session, pytest.raises(NotFound):
        datasets.get_dataset(session, row.id)


def test_a_job_on_a_dataset_that_is_gone_is_not_found(database):
    with pytest.raises(NotFound, match="ds_nope"), database.write() as session:
        jobs.insert_job(session, {}, JOB, facts={}, dataset_id="ds_nope")
