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
from core.datasets.upload import Reading, read_upload, upload_sha256
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
    fingerprint = upload_sha256(upload.path, upload.spec)
    with house.database.read() as session:
        known = datasets.find_dataset(session, fingerprint)
    if known is None:
        return _stored(house, upload, fingerprint)
    if not _is_whole(house, known):
        _mend(house, upload, known)
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


def _mend(house: Services, upload: Upload, row: models.Dataset) -> None:
    """Put the artifact in its place again. Raises Conflict where it would not be the same."""
    with _canonical(house, upload, row.name) as (artifact, _):
        with artifact.open("rb") as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == row.sha256
        if not same:
            raise Conflict(
                f"The stored data of dataset {row.id!r} are damaged, and this version reads the"
                " file otherwise; delete the dataset and its jobs, then upload it again."
            )
        house.artifacts.put(row.key, artifact)


@contextmanager
def _canonical(house: Services, upload: Upload, name: str) -> Iterator[tuple[Path, Reading]]:
    """The upload in the format that is kept, in a file that is gone after the block."""
    reading = read_upload(upload.path, upload.spec, _limits(house.settings))
    facts = dataclasses.replace(reading.dataset.facts, name=name)
    reading = dataclasses.replace(
        reading, dataset=dataclasses.replace(reading.dataset, facts=facts)
    )
    artifact = upload.path.with_suffix(".safetensors")
    try:
        write_canonical(reading.dataset, artifact)
        yield artifact, reading
    finally:
        artifact.unlink(missing_ok=True)


def _stored(house: Services, upload: Upload, fingerprint: str) -> Dataset:
    """The artifact first, then its row: a row never names an artifact that is not there."""
    dataset_id = new_id("ds")
    key = f"datasets/{dataset_id}.safetensors"
    with _canonical(house, upload, upload.name) as (artifact, reading):
        stored = house.artifacts.put(key, artifact)
    facts = reading.dataset.facts
    with house.database.write() as session:
        row = datasets.insert_dataset(
            session,
            id=dataset_id,
            name=upload.name,
            format=reading.format,
            task=facts.task,
            facts=facts.document(),
            fingerprint=fingerprint,
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
