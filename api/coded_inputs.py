"""Texts, names and images that a client asks about, as the numbers that the data has for them."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from api.deps import Services
from core.datasets import DatasetFacts, Field
from core.datasets.canonical import read_words
from core.datasets.fields import as_numbers
from core.datasets.images_file import pixels_of
from core.datasets.words import Unit, as_ids, as_tokens, numbers_of, split
from core.errors import Conflict, InvalidSpec
from core.spec.pointer import shown
from core.store import datasets, models
from core.store.artifacts import TornArtifact

Words = Mapping[str, Sequence[str]]


def words_of(house: Services, job: models.Job) -> Words:
    """What ids and tokens of the job's data mean, by field. Raises Conflict where it is lost."""
    dataset_id = str(job.document["dataset"]["id"])
    with house.database.read() as session:
        row = datasets.get_dataset(session, dataset_id)
    try:
        with house.artifacts.local(row.key, sha256=row.sha256) as path:
            return read_words(path)
    except (FileNotFoundError, TornArtifact):
        raise Conflict(
            f"The stored data of dataset {dataset_id!r} are missing or damaged, and with them what"
            " its words mean; upload it again, the same file with the same spec."
        ) from None


def coded_inputs(
    inputs: Sequence[object], facts: DatasetFacts, words: Words
) -> dict[str, NDArray[np.int32]]:
    """Of each field (N, *shape). An input is a text, or an object with the fields' names.

    Raises InvalidSpec pointing at the first input that does not fit.
    """
    rows = [_row(value, f"/inputs/{i}", facts) for i, value in enumerate(inputs)]
    return {
        field.name: _coded([row[field.name] for row in rows], field, words[field.name])
        for field in facts.inputs
    }


def image_of(text: str, field: Field, pointer: str) -> NDArray[np.float32]:
    """(C, H, W) from 0 to 1 of an image file in base64. Raises InvalidSpec and TooLarge."""
    try:
        content = base64.b64decode(text, validate=True)
    except ValueError:
        raise InvalidSpec.at(
            pointer, "A text here is an image file in base64, and this is none; or give numbers."
        ) from None
    try:
        return as_numbers(pixels_of(content, field.shape, "This"))
    except InvalidSpec as error:
        raise InvalidSpec.at(pointer, f"{error.detail}.") from None


def _coded(said: list[str], field: Field, words: Sequence[str]) -> NDArray[np.int32]:
    if field.kind == "ids":
        return as_ids(said, numbers_of(words))
    unit: Unit = "character" if field.by == "character" else "word"
    return as_tokens([split(text, unit) for text in said], numbers_of(words), field.shape[0])


def _row(value: object, pointer: str, facts: DatasetFacts) -> dict[str, str]:
    names = [field.name for field in facts.inputs]
    if len(names) == 1 and isinstance(value, str):
        return {names[0]: value}
    example = "{" + ", ".join(f'"{name}": "…"' for name in names) + "}"
    if not isinstance(value, dict):
        way = "a text" if len(names) == 1 else f"an object such as {example}"
        raise InvalidSpec.at(pointer, f"An input is {way}, not {shown(value)}.")
    for name in value:
        if name not in names:
            raise InvalidSpec.at(
                f"{pointer}/{name}", f"There is no field {shown(name)}; an input is {example}."
            )
    return {name: _said(value, name, pointer, example) for name in names}


def _said(value: Mapping[str, object], name: str, pointer: str, example: str) -> str:
    if name not in value:
        raise InvalidSpec.at(pointer, f'"{name}" is missing; an input is {example}.')
    said = value[name]
    if isinstance(said, bool) or not isinstance(said, str | int):
        raise InvalidSpec.at(f"{pointer}/{name}", f"{shown(said)} is no text and no whole number.")
    return str(said).strip()
