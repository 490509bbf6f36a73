"""`occam datasets` and `occam upload`."""

from __future__ import annotations

import sys
from json import loads
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from occam.answers import Dataset
from occam.cli.files import Unusable
from occam.cli.table import print_table
from occam.client import Client


def datasets() -> None:
    """List uploaded datasets, newest first."""
    with Client() as client:
        rows = [
            (d.id, d.task, d.examples, _features(d), len(d.classes) or None, d.name)
            for d in client.datasets.list()
        ]
    headings = ("id", "task", "examples", "features", "classes", "name")
    print_table(headings, rows, empty="no datasets; occam upload FILE adds one", cut="name")


def upload(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A CSV or NPZ file, or a zip of images.")
    ],
    target: Annotated[
        str | None, typer.Option(help="The column to predict; default: the last.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="A name; default: the file's.")] = None,
    task: Annotated[
        Literal["classification", "regression"] | None,
        typer.Option(help="Default: as the target's values suggest."),
    ] = None,
    group: Annotated[
        str | None, typer.Option(help="The column that says which rows belong together.")
    ] = None,
    time: Annotated[
        str | None, typer.Option(help="The column that says which rows come first.")
    ] = None,
    spec: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help="""What else, such as '{"kind": "text", "text": "review"}'."""
        ),
    ] = None,
) -> None:
    """Upload a dataset; prints the id to name it by in a job."""
    asked = {"target": target, "name": name, "task": task, "group": group, "time": time}
    said = {key: value for key, value in asked.items() if value is not None}
    with Client() as client:
        try:
            dataset = client.datasets.upload(file, {**_object(spec), **said})
        except OSError as error:
            raise Unusable(f"cannot read {file}: {error.strerror}") from error
    print(dataset.id)
    print(_summary(dataset), file=sys.stderr)


def _object(text: str | None) -> dict[str, Any]:  # Any: JSON, checked by the service
    try:
        value = loads(text or "{}")
    except ValueError as error:
        raise Unusable(f"--spec is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Unusable('--spec is a JSON object, such as \'{"kind": "text"}\'')
    return value


def _summary(dataset: Dataset) -> str:
    classes = f", {len(dataset.classes)} classes" if dataset.classes else ""
    of = f"{_features(dataset)} features" if dataset.features else _features(dataset)
    head = f"{dataset.task}: {dataset.examples} examples of {of}{classes}"
    return "\n".join([head, *(f"warning: {warning}" for warning in dataset.warnings)])


def _features(dataset: Dataset) -> str:
    if dataset.image is None and dataset.features is None:
        return " and ".join(str(field["name"]) for field in dataset.inputs)
    if dataset.image is None:
        return str(dataset.features)
    return "×".join(str(size) for size in dataset.image.values())
