"""Datasets of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from json import dumps
from pathlib import Path
from typing import Any

from occam.answers import Dataset
from occam.pages import Listing
from occam.transport import Transport, path_part


class Datasets:
    """Upload, list, look into and delete datasets: `client.datasets`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def upload(
        self,
        path: str | Path,
        spec: Mapping[str, Any] | None = None,  # Any: JSON, checked by the service
    ) -> Dataset:
        """Upload a file. The same bytes and spec give the same dataset.

        spec: of a CSV or NPZ file name, format, target, task, ignore, image, all optional; else
        `kind`, which is text, interactions or images, and its fields. Raises InvalidSpec, which
        names the row and column, or the image, that cannot be read.
        """
        source = Path(path)
        form = {"spec": dumps({"name": source.name, **(spec or {})})}
        with source.open("rb") as file:

            def attempt() -> Any:  # Any: httpx2.Response, inferred by send
                file.seek(0)  # each attempt sends the file from its beginning
                return self._transport.http.post(
                    "/v1/datasets", data=form, files={"file": (source.name, file)}
                )

            return Dataset.model_validate_json(self._transport.send(attempt).content)

    def list(self) -> Listing[Dataset]:
        """All datasets, newest first, fetched page by page."""
        return Listing("datasets", self._transport, "/v1/datasets", {}, Dataset.model_validate)

    def get(self, dataset_id: str) -> Dataset:
        response = self._transport.request("GET", f"/v1/datasets/{path_part(dataset_id)}")
        return Dataset.model_validate_json(response.content)

    def preview(self, dataset_id: str) -> dict[str, Any]:
        """The first rows, as JSON."""
        response = self._transport.request("GET", f"/v1/datasets/{path_part(dataset_id)}/preview")
        answer: dict[str, Any] = response.json()
        return answer

    def delete(self, dataset_id: str) -> None:
        """Delete a dataset. Conflict while a job names it, finished or not: delete that first."""
        self._transport.delete(f"/v1/datasets/{path_part(dataset_id)}")
