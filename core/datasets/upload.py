"""An uploaded file becomes a dataset, or a sentence that says which row and column stops it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from core.datasets.belonging import At, Groups, Times, Told, groups_of, times_of
from core.datasets.coded_file import read_interactions, read_text
from core.datasets.coded_spec import AnySpec, InteractionsSpec, TextSpec
from core.datasets.csv_file import read_csv
from core.datasets.fields import ONLY
from core.datasets.generated import feature_names
from core.datasets.images_file import read_images
from core.datasets.images_spec import ImagesSpec
from core.datasets.npz_file import Array, Arrays, is_workbook, read_npz
from core.datasets.numbers import FLOAT32_MAX
from core.datasets.source import NAMED_FEATURES_MAX, Dataset, DatasetFacts, Features
from core.datasets.target_column import TargetColumn, column_of_numbers, column_of_text
from core.datasets.together import duplicates
from core.datasets.upload_spec import Image, UploadLimits, UploadSpec, quoted
from core.errors import InvalidSpec

COLOUR_CHANNELS = (1, 3, 4)  # grey, RGB, RGBA: tells channels-last images from channels-first
COUNTED_MIN = 10  # fewer rows rise by chance
FLOAT32_EXACT_MAX = 2**24  # larger whole numbers are rounded in float32

_ZIP, _OLD_OFFICE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"

Format = Literal["csv", "npz"]

__all__ = ["Reading", "UploadLimits", "UploadSpec", "read_upload", "upload_sha256"]


@dataclass(frozen=True, eq=False)
class Reading:
    """What an upload turned out to be; warnings are sentences for its owner.

    The identity in its facts is of the bytes and of the spec with everything told that was taken.
    """

    dataset: Dataset
    format: str
    warnings: tuple[str, ...]


def read_upload(path: Path, spec: AnySpec, limits: UploadLimits) -> Reading:
    """Read a file as its spec says. InvalidSpec and TooLarge say what is wrong and where."""
    if not isinstance(spec, UploadSpec):
        return _read_other(path, spec, limits)
    format_ = _format_of(path, spec.format)
    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    if format_ == "csv":
        table = read_csv(path, spec, limits)
        features, names, warnings = table.features, table.feature_names, table.warnings
        column = column_of_text(
            table.target,
            spec.task,
            limits,
            lambda i: f"row {table.first_row + i}, column {quoted(table.target_name)}",
        )
        told = {"group": table.group, "time": table.time}
        said: dict[str, object] = {
            "target": table.target_name,
            "ignore": table.ignored,
            "delimiter": table.delimiter,
        }
        first_row: int | None = table.first_row
    else:
        arrays = read_npz(path, spec, limits)
        features, column = _as_float32(arrays), _target_of(arrays, spec, limits)
        told, first_row = {"group": arrays.group, "time": arrays.time}, None
        said = {"target": arrays.target_name, "features": arrays.features_name}
    said |= {role: column and column.name for role, column in told.items()}
    groups, times = _belonging(told, first_row)
    resolved = spec.model_copy(update={"format": format_, "task": column.task, **said})
    features, assumed = _shaped(features, spec.image)
    warnings += column.warnings + assumed
    facts = DatasetFacts.of_numbers(
        column.task,
        len(features),
        features.shape[1:],
        column.classes,
        column.class_counts,
        outputs=column.targets.shape[1] if column.task == "regression" else 1,
        sha256=upload_sha256(path, resolved),
        feature_names=_names(names, features),
        name=spec.name or "",
        groups=0 if groups is None else int(groups.max()) + 1,
        ordered=times is not None,
        duplicates=duplicates({ONLY: features}),
    )
    if facts.groups == len(features):
        warnings += ("every row is a group of its own, so the groups keep nothing together",)
    if features.ndim == 2:
        warnings += _doubts(features, facts.feature_names)
    dataset = Dataset.of_numbers(facts, features, column.targets, groups, times)
    return Reading(dataset, format_, warnings)


def _read_other(
    path: Path, spec: TextSpec | InteractionsSpec | ImagesSpec, limits: UploadLimits
) -> Reading:
    if isinstance(spec, ImagesSpec):
        read = read_images(path, spec, limits)
    else:
        _format_of(path, "csv")
        read = (
            read_text(path, spec, limits)
            if isinstance(spec, TextSpec)
            else read_interactions(path, spec, limits)
        )
    resolved = spec.model_copy(update=dict(read.told))
    sha256 = upload_sha256(path, resolved)
    facts = replace(read.dataset.facts, sha256=sha256, name=spec.name or "")
    return Reading(replace(read.dataset, facts=facts), spec.kind, read.warnings)


def _belonging(
    told: Mapping[str, Told | None], first_row: int | None
) -> tuple[Groups | None, Times | None]:
    """Groups and times of the rows. first_row: of a CSV file; None: the arrays of an NPZ file."""

    def at(name: str) -> At:
        if first_row is None:
            return lambda i: f"{name}[{i}]"
        return lambda i: f"row {first_row + i}, column {quoted(name)}"

    group, time = told["group"], told["time"]
    groups = None if group is None else groups_of(group.values, at(group.name))
    times = None if time is None else times_of(time.values, at(time.name))
    return groups, times


def upload_sha256(path: Path, spec: AnySpec) -> str:
    """Identity of an upload: SHA-256 of (SHA-256 of its bytes, then the canonical spec).

    spec: resolved, so that saying a default and leaving it out is the same dataset.

    The inner digest has a fixed length, so that no file can pass for another file and spec.
    """
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").digest()
    return hashlib.sha256(content + spec.canonical()).hexdigest()


def _format_of(path: Path, asked: Format | None) -> Format:
    with path.open("rb") as file:
        start = file.read(4)
    if start == _OLD_OFFICE or (start == _ZIP and is_workbook(path)):
        raise InvalidSpec.at("", "this is an Excel workbook; save its sheet as CSV and upload that")
    found: Format = "npz" if start == _ZIP else "csv"
    if asked not in (None, found):
        seen = "is a zip archive" if found == "npz" else "is not a zip archive, which NPZ is"
        raise InvalidSpec.at("/format", f"format is {asked}, but the file {seen}")
    return found


def _names(names: tuple[str, ...], features: Features) -> tuple[str, ...]:
    """The columns' own names or numbered ones; none for images and for very many."""
    count = features.shape[1]
    if features.ndim != 2 or count > NAMED_FEATURES_MAX:
        return ()
    return names or feature_names(count)


def _target_of(arrays: Arrays, spec: UploadSpec, limits: UploadLimits) -> TargetColumn:
    name, target = arrays.target_name, arrays.target

    def at(i: int) -> str:
        return f"{name}[{i}]"

    if target.dtype.kind not in "US":
        return column_of_numbers(target, spec.task, limits, at)
    if target.size != len(target):
        raise InvalidSpec.at("/target", f"array {quoted(name)} needs one text per example")
    try:
        texts = [t.decode() if isinstance(t, bytes) else t for t in target.ravel().tolist()]
    except ValueError:
        raise InvalidSpec.at("/target", f"array {quoted(name)} is not UTF-8 text") from None
    return column_of_text(texts, spec.task, limits, at)


def _as_float32(arrays: Arrays) -> Features:
    raw: Array = arrays.features
    with np.errstate(over="ignore"):  # found below, and named
        features = np.ascontiguousarray(raw, np.float32)
    if raw.dtype.kind == "f":
        bad = np.flatnonzero(~(np.abs(features) <= FLOAT32_MAX))
        if len(bad):
            place = np.unravel_index(bad[0], raw.shape)
            index = ", ".join(str(i) for i in place)
            raise InvalidSpec.at(
                "", f"{arrays.features_name}[{index}] is {raw[place]}, not a finite 32-bit number"
            )
    return features


def _shaped(features: Features, image: Image | None) -> tuple[Features, tuple[str, ...]]:
    """Features as (N, D) or as images (N, C, H, W), and what had to be assumed."""
    if image is not None:
        return _as_images(features, image), ()
    if features.ndim == 1:
        return features[:, None], ()
    if features.ndim == 2:
        return features, ()
    if features.ndim == 3:
        return features[:, None], ()
    if features.ndim > 4:
        raise InvalidSpec.at(
            "/features",
            f"an example has {features.ndim - 1} axes; "
            "give features of (N, D), (N, H, W) or (N, C, H, W)",
        )
    if features.shape[3] in COLOUR_CHANNELS and features.shape[1] not in COLOUR_CHANNELS:
        warning = (
            f"images of {features.shape[1]}x{features.shape[2]}x{features.shape[3]} were taken "
            "for channels last and turned to channels first; say `image` if that is wrong"
        )
        return np.ascontiguousarray(features.transpose(0, 3, 1, 2)), (warning,)
    return features, ()


def _as_images(features: Features, image: Image) -> Features:
    count, height, width, channels = len(features), image.height, image.width, image.channels
    if features.shape[1:] == (height, width, channels) and channels > 1 and height != channels:
        return np.ascontiguousarray(features.transpose(0, 3, 1, 2))
    expected = height * width * channels
    actual = features.size // count
    if expected != actual:
        raise InvalidSpec.at(
            "/image",
            f"an image of {channels} channels of {height}x{width} has {expected:,} "
            f"numbers, an example has {actual:,}",
        )
    if features.ndim > 2 and features.shape[1:] not in (
        (channels, height, width),
        (height, width),
        (height, width, channels),
    ):
        raise InvalidSpec.at(
            "/image",
            f"an example has shape {'x'.join(map(str, features.shape[1:]))}, "
            f"not {channels}x{height}x{width} or {height}x{width}x{channels}",
        )
    return features.reshape(count, channels, height, width)


def _doubts(features: Features, names: tuple[str, ...]) -> tuple[str, ...]:
    """Warnings about columns that say nothing, or that float32 rounds."""
    low, high = features.min(0), features.max(0)
    doubts = []
    constant = np.flatnonzero(low == high)
    if len(constant):
        doubts.append(
            f"{len(constant)} of {features.shape[1]} columns hold one value only, "
            f"the first is {_called(names, int(constant[0]))}"
        )
    large = np.flatnonzero(np.maximum(np.abs(low), np.abs(high)) > FLOAT32_EXACT_MAX)
    rounded = [i for i in large if bool((features[:, i] == np.floor(features[:, i])).all())]
    if rounded:
        doubts.append(
            f"column {_called(names, int(rounded[0]))} holds whole numbers over "
            f"{FLOAT32_EXACT_MAX:,}, which float32 rounds; if it is an identifier, leave it out"
        )
    counting = [i for i in _counting(features) if i not in rounded]
    if counting:
        doubts.append(
            f"column {_called(names, counting[0])} rises by whole numbers from row to row, as "
            "identifiers do; if it is one, leave it out (of a CSV file with `ignore`)"
        )
    return tuple(doubts)


def _counting(features: Features) -> list[int]:
    """Columns of whole numbers, each larger than the one above."""
    if len(features) < COUNTED_MIN:
        return []
    some = features[:COUNTED_MIN]  # sorts out nearly all columns, without a pass over the data
    likely = np.flatnonzero((np.diff(some, axis=0) > 0).all(0) & (some == np.floor(some)).all(0))
    return [
        int(i)
        for i in likely
        if (np.diff(features[:, i]) > 0).all()
        and (features[:, i] == np.floor(features[:, i])).all()
    ]


def _called(names: tuple[str, ...], column: int) -> str:
    return quoted(names[column]) if names else f"number {column}"
