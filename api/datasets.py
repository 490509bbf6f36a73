"""What the dataset routes do with the store."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from api.deps import Services
from api.schemas.datasets import Dataset, DatasetPage, DatasetPreview
from api.uploads import Upload
from api.views import dataset_view
from core.datasets.canonical import read_canonical, write_canonical
from core.datasets.preview import preview
from core.datasets.upload import Reading, read_upload
from core.datasets.upload_spec import UploadLimits
from core.errors import Conflict
from core.settings import Settings
from core.store import datasets, models
from core.store.artifacts import TornArtifact
from core.store.ids import new_id

_SCOPE = "datasets"


def add(house: Services, upload: Upload) -> Dataset:
    """Check an upload and store it; the same bytes and spec are the dataset they were before.

    Then it mends a dataset whose artifact was lost or damaged.
    """
    reading = _reading(house, upload)
    with house.database.read() as session:
        known = datasets.find_dataset(session, reading.dataset.facts.sha256)
    if known is None:
        return _stored(house, upload, reading)
    if not _is_whole(house, known):
        _mend(house, upload, reading, known)
    return dataset_view(known)


def read(house: Services, dataset_id: str) -> Dataset:
    """Raises NotFound."""
    with house.database.read() as session:
        return dataset_view(datasets.get_dataset(session, dataset_id))


def page(house: Services, *, limit: int, after: str | None) -> DatasetPage:
    """Datasets, newest first."""
    position = None
    if after is not None:
        created_at, dataset_id = house.cursors.read(_SCOPE, after)
        position = (datetime.fromisoformat(str(created_at)), str(dataset_id))
    with house.database.read() as session:
        rows = datasets.list_datasets(session, limit=limit + 1, after=position)
        kept = rows[:limit]
        more = len(rows) > limit
        last = (kept[-1].created_at.isoformat(), kept[-1].id) if more else None
        return DatasetPage(
            data=[dataset_view(row) for row in kept],
            has_more=more,
            next=house.cursors.sign(_SCOPE, last) if last else None,
        )


def look(house: Services, dataset_id: str, rows: int) -> DatasetPreview:
    """The first rows and a few numbers per column.

    Raises NotFound, and Conflict where the stored data were lost or damaged.
    """
    with house.database.read() as session:
        row = datasets.get_dataset(session, dataset_id)
    try:
        with house.artifacts.local(row.key, sha256=row.sha256) as path:
            return DatasetPreview(dataset=dataset_id, **preview(read_canonical(path), rows))
    except (FileNotFoundError, TornArtifact):
        raise Conflict(
            f"The stored data of dataset {dataset_id!r} are missing or damaged; upload it again,"
            " the same file with the same spec, and it is mended."
        ) from None


def delete(house: Services, dataset_id: str) -> None:
    """Raises NotFound, and Conflict while a job names it."""
    with house.database.write() as session:
        key = datasets.delete_dataset(session, dataset_id)
    house.artifacts.delete(key)


def folder_of(settings: Settings) -> Path:
    """Where uploads lie until they are checked."""
    return settings.data_dir / "uploads"


def _is_whole(house: Services, row: models.Dataset) -> bool:
    try:
        with house.artifacts.local(row.key, sha256=row.sha256):
            return True
    except (FileNotFoundError, TornArtifact):
        return False


def _reading(house: Services, upload: Upload) -> Reading:
    return read_upload(upload.path, upload.spec, _limits(house.settings))


def _mend(house: Services, upload: Upload, reading: Reading, row: models.Dataset) -> None:
    """Put the artifact in its place again. Raises Conflict where it would not be the same."""
    with _canonical(upload, reading, row.name) as artifact:
        with artifact.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == row.sha256
        if not same:
            raise Conflict(
                f"The stored data of dataset {row.id!r} are damaged, and this version reads the"
                " file otherwise; delete the dataset and its jobs, then upload it again."
            )
        house.artifacts.put(row.key, artifact)


@contextmanager
def _canonical(upload: Upload, reading: Reading, name: str) -> Iterator[Path]:
    """The upload in the format that is kept, in a file that is gone after the block."""
    facts = dataclasses.replace(reading.dataset.facts, name=name)
    artifact = upload.path.with_suffix(".safetensors")
    try:
        write_canonical(dataclasses.replace(reading.dataset, facts=facts), artifact)
        yield artifact
    finally:
        artifact.unlink(missing_ok=True)


def _stored(house: Services, upload: Upload, reading: Reading) -> Dataset:
    """The artifact first, then its row: a row never names an artifact that is not there."""
    dataset_id = new_id("ds")
    key = f"datasets/{dataset_id}.safetensors"
    with _canonical(upload, reading, upload.name) as artifact:
        stored = house.artifacts.put(key, artifact)
    facts = dataclasses.replace(reading.dataset.facts, name=upload.name)
    with house.database.write() as session:
        row = datasets.insert_dataset(
            session,
            id=dataset_id,
            name=upload.name,
            format=reading.format,
            task=facts.task,
            facts=facts.document(),
            fingerprint=facts.sha256,
            sha256=stored.sha256,
            size_bytes=upload.path.stat().st_size,
            key=key,
            warnings=reading.warnings,
        )
        view = dataset_view(row)
    if view.id != dataset_id:  # somebody uploaded the same meanwhile
        house.artifacts.delete(key)
    return view


def _limits(settings: Settings) -> UploadLimits:
    return UploadLimits(
        rows_max=settings.upload_rows_max,
        columns_max=settings.upload_columns_max,
        classes_max=settings.upload_classes_max,
        unpacked_bytes_max=settings.upload_unpacked_bytes_max,
    )
