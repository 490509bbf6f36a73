"""`occam datasets` and `occam upload`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

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
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A CSV or NPZ file.")],
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
) -> None:
    """Upload a dataset; prints the id to name it by in a job."""
    asked = {"target": target, "name": name, "task": task, "group": group, "time": time}
    spec = {key: value for key, value in asked.items() if value is not None}
    with Client() as client:
        try:
            dataset = client.datasets.upload(file, spec)
        except OSError as error:
            raise Unusable(f"cannot read {file}: {error.strerror}") from error
    print(dataset.id)
    print(_summary(dataset), file=sys.stderr)


def _summary(dataset: Dataset) -> str:
    classes = f", {len(dataset.classes)} classes" if dataset.classes else ""
    head = f"{dataset.task}: {dataset.examples} examples of {_features(dataset)} features{classes}"
    return "\n".join([head, *(f"warning: {warning}" for warning in dataset.warnings)])


def _features(dataset: Dataset) -> str:
    if dataset.image is None:
        return str(dataset.features)
    return "×".join(str(size) for size in dataset.image.values())
