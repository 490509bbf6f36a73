"""A dataset that was uploaded before, named by its id."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from core.datasets.source import Dataset, DatasetFacts, DatasetSource


class Uploaded(DatasetSource):
    """A dataset that you uploaded with POST /v1/datasets, by its id.

    Only ids are accepted, never paths or addresses: the server reads nothing that it did not write.
    """

    kind: Literal["upload"] = "upload"
    id: Annotated[str, Field(pattern=r"^ds_[0-9A-Za-z]{1,64}$")]

    def facts(self) -> DatasetFacts:
        """LookupError: an upload's facts are in the store; see `facts_of`."""
        raise LookupError(f"{self.id} is described in the store, not by its source")

    def load(self) -> Dataset:
        """LookupError: an upload's data is in the store; see `load_source`."""
        raise LookupError(f"{self.id} is kept in the store, not by its source")
