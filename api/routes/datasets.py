"""Datasets: upload, list, look, delete."""

from __future__ import annotations

from typing import Annotated

import anyio.to_thread
from fastapi import APIRouter, Path, Query, Request, Response

from api import datasets
from api.deps import After, House, Limit
from api.openapi import UPLOAD_BODY, problems
from api.schemas.datasets import Dataset, DatasetPage, DatasetPreview
from api.uploads import received

router = APIRouter(prefix="/v1/datasets", tags=["datasets"])
DatasetId = Annotated[str, Path(description="Id of the dataset.", max_length=100)]
ROWS_MAX = 100  # of a preview


@router.post(
    "",
    status_code=201,
    response_model=Dataset,
    responses={
        201: {
            "description": "The dataset, new or as it was uploaded before.",
            "headers": {"Location": {"description": "It.", "schema": {"type": "string"}}},
        },
        **problems(409, 413, 415),
    },
    openapi_extra=UPLOAD_BODY,
)
async def post_dataset(request: Request, house: House) -> Response:
    """Upload data of any kind; it is checked, stored, and given an id for jobs to name."""
    async with received(request, datasets.folder_of(house.settings)) as upload:
        dataset = await anyio.to_thread.run_sync(datasets.add, house, upload)
    return Response(
        dataset.model_dump_json(),
        status_code=201,
        headers={"location": dataset.links.self},
        media_type="application/json",
    )


@router.get("", responses=problems())
def list_datasets(house: House, limit: Limit, after: After = None) -> DatasetPage:
    """List uploaded datasets, newest first."""
    return datasets.page(house, limit=limit, after=after)


@router.get("/{dataset_id}", responses=problems(404))
def get_dataset(house: House, dataset_id: DatasetId) -> Dataset:
    """Read one dataset's facts."""
    return datasets.read(house, dataset_id)


@router.get("/{dataset_id}/preview", responses=problems(404, 409))
def preview_dataset(
    house: House,
    dataset_id: DatasetId,
    rows: Annotated[int, Query(description="How many examples to show.", ge=1, le=ROWS_MAX)] = 20,
) -> DatasetPreview:
    """Look at the first examples and at each column in short."""
    return datasets.look(house, dataset_id, rows)


@router.delete("/{dataset_id}", status_code=204, responses=problems(404, 409))
def delete_dataset(house: House, dataset_id: DatasetId) -> None:
    """Delete a dataset that no job names."""
    datasets.delete(house, dataset_id)
