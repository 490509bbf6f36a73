"""Datasets on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from api.schemas.outgoing import Outgoing
from api.schemas.page import Page


class ImageShape(Outgoing):
    """The shape of each image."""

    height: Annotated[int, Field(description="Pixels from top to bottom.")]
    width: Annotated[int, Field(description="Pixels from left to right.")]
    channels: Annotated[int, Field(description="1 is grey, 3 is colour.")]


class InputField(Outgoing):
    """One named input of every example."""

    name: Annotated[str, Field(description="`x` where there is one array of numbers.")]
    kind: Annotated[
        Literal["values", "image", "ids", "tokens"],
        Field(description="Numbers, an image, one of many ids, or the words of a text."),
    ]
    shape: Annotated[
        list[int], Field(description="Of one example; of texts, the words of the longest.")
    ]
    size: Annotated[
        int | None,
        Field(description="Of ids and words, how many a network may tell apart; else null."),
    ]


class DatasetLinks(Outgoing):
    """Where to go from a dataset."""

    self: Annotated[str, Field(description="The dataset.")]
    preview: Annotated[str, Field(description="Its first rows.")]


class Dataset(Outgoing):
    """An uploaded table or stack of images, checked and stored."""

    id: Annotated[str, Field(description="Id of the dataset.", pattern="^ds_")]
    object: Annotated[Literal["dataset"], Field(description="Always `dataset`.")] = "dataset"
    name: Annotated[str, Field(description="The name the client gave it.")]
    format: Annotated[str, Field(description="What it was read from.", examples=["csv"])]
    task: Annotated[Literal["classification", "regression"], Field(description="Its task.")]
    examples: Annotated[int, Field(description="Rows, or images.")]
    features: Annotated[int | None, Field(description="Numbers per example; null for images.")]
    inputs: Annotated[list[InputField], Field(description="What an example is made of.")]
    feature_names: Annotated[
        list[str], Field(description="Name of each feature, where it has names.")
    ]
    image: Annotated[ImageShape | None, Field(description="For images, their shape.")]
    classes: Annotated[list[str], Field(description="Class names; empty in regression.")]
    class_counts: Annotated[list[int], Field(description="Examples of each class.")]
    groups: Annotated[
        int, Field(description="Groups of rows that stay together; 0: none were named.")
    ]
    ordered: Annotated[bool, Field(description="Whether each row has a time.")]
    duplicates: Annotated[
        int, Field(description="Rows with the features of an earlier row; they stay together.")
    ]
    sha256: Annotated[str, Field(description="Checksum of the uploaded bytes and spec.")]
    bytes: Annotated[int, Field(description="Size of the upload.")]
    warnings: Annotated[list[str], Field(description="What you may want to know about the data.")]
    created_at: Annotated[datetime, Field(description="When it was uploaded (UTC).")]
    links: Annotated[DatasetLinks, Field(description="Where to go from here.")]


class DatasetPage(Page[Dataset]):
    """Datasets, newest first."""


class ColumnPreview(Outgoing):
    """One feature in short, over all examples."""

    name: Annotated[str, Field(description="Its name.")]
    min: Annotated[float, Field(description="Smallest value.")]
    mean: Annotated[float, Field(description="Mean value.")]
    max: Annotated[float, Field(description="Largest value.")]
    missing: Annotated[int, Field(description="Examples without a value.")]


class ClassCount(Outgoing):
    """How often a class occurs."""

    name: Annotated[str, Field(description="Name of the class.")]
    count: Annotated[int, Field(description="Examples of it.")]


class DatasetPreview(Outgoing):
    """The first examples as stored, before standardising, and each column in short."""

    object: Annotated[Literal["dataset_preview"], Field(description="Always this word.")] = (
        "dataset_preview"
    )
    dataset: Annotated[str, Field(description="Id of the dataset.")]
    columns: Annotated[list[str], Field(description="Name of each feature shown.")]
    rows: Annotated[
        list[list[float | str]],
        Field(description="One row per example, flattened; of texts, the words that are known."),
    ]
    targets: Annotated[
        list[str] | list[list[float]],
        Field(description="The class name, or the target numbers, of each example."),
    ]
    features_total: Annotated[
        int, Field(description="Features per example; only the first thousand are shown.")
    ]
    features: Annotated[list[ColumnPreview], Field(description="Each feature in short.")]
    classes: Annotated[list[ClassCount], Field(description="Classes; empty in regression.")]
