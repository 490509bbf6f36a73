"""What the dataset routes do with the store."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from pathlib import Path

from api.deps import Services
from api.schemas.datasets import Dataset, DatasetPage, DatasetPreview
from api.uploads import Upload
from api.views import dataset_view
from core.datasets.canonical import read_canonical, write_canonical
from core.datasets.preview import preview
from core.datasets.upload import read_upload, upload_sha256
from core.datasets.upload_spec import UploadLimits
from core.settings import Settings
from core.store import datasets
from core.store.ids import new_id

_SCOPE = "datasets"


def add(house: Services, upload: Upload) -> Dataset:
    """Check an upload and store it; the same bytes and spec are the dataset they were before."""
    fingerprint = upload_sha256(upload.path, upload.spec)
    known = _known(house, fingerprint)
    return known or _stored(house, upload, fingerprint)


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
    """The first rows and a few numbers per column. Raises NotFound."""
    with house.database.read() as session:
        row = datasets.get_dataset(session, dataset_id)
    with house.artifacts.local(row.key, sha256=row.sha256) as path:
        return DatasetPreview(dataset=dataset_id, **preview(read_canonical(path), rows))


def delete(house: Services, dataset_id: str) -> None:
    """Raises NotFound, and Conflict while a job names it."""
    with house.database.write() as session:
        key = datasets.delete_dataset(session, dataset_id)
    house.artifacts.delete(key)


def folder_of(settings: Settings) -> Path:
    """Where uploads lie until they are checked."""
    return settings.data_dir / "uploads"


def _known(house: Services, fingerprint: str) -> Dataset | None:
    with house.database.read() as session:
        row = datasets.find_dataset(session, fingerprint)
        return None if row is None else dataset_view(row)


def _stored(house: Services, upload: Upload, fingerprint: str) -> Dataset:
    """The artifact first, then its row: a row never names an artifact that is not there."""
    reading = read_upload(upload.path, upload.spec, _limits(house.settings))
    facts = dataclasses.replace(reading.dataset.facts, name=upload.name)
    dataset_id = new_id("ds")
    key = f"datasets/{dataset_id}.safetensors"
    artifact = upload.path.with_suffix(".safetensors")
    try:
        write_canonical(dataclasses.replace(reading.dataset, facts=facts), artifact)
        stored = house.artifacts.put(key, artifact)
    finally:
        artifact.unlink(missing_ok=True)
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
        decoded_bytes_max=settings.upload_unpacked_bytes_max,
    )
