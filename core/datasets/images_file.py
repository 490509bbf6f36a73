"""A zip of images in folders named by class becomes a dataset, distrusting what the file claims.

An image is decoded only after its header's size is under the limit, one after the other, each into
its place in one array of bytes: 0 to 255 stand for 0 to 1.
"""

from __future__ import annotations

import io
import math
import struct
import warnings as python_warnings
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from core.datasets.fields import ONLY, Field
from core.datasets.images_spec import Given, ImagesSpec
from core.datasets.read import Read
from core.datasets.source import Dataset, DatasetFacts
from core.datasets.target_column import RARE_EXAMPLES
from core.datasets.together import duplicates
from core.datasets.upload_spec import NAME_CHARS_MAX, UploadLimits, quoted
from core.errors import InvalidSpec, TooLarge

DIRECTORY_BYTES_MAX = 64 * 2**20  # zipfile reads the table of contents as a whole
IMAGE_BYTES_MAX = 64 * 2**20  # of one file, compressed
PIXELS_MAX = 64 * 2**20  # of one image before it is resized
PARTS = {"train", "val", "valid", "validation", "test"}
SKIPPED = ("__MACOSX/", ".")  # what file managers leave behind
_END, _END_ZIP64 = b"PK\x05\x06", b"PK\x06\x07"

if TYPE_CHECKING:
    from PIL import Image

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class _Entry:
    info: zipfile.ZipInfo
    label: str


def read_images(path: Path, spec: ImagesSpec, limits: UploadLimits) -> Read:
    """InvalidSpec or TooLarge names the image that cannot be read."""
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive, limits)
            classes = sorted({entry.label for entry in entries})
            _check_classes(classes, limits)
            channels = _channels(archive, entries, spec)
            pixels = _decoded(archive, entries, (channels, *spec.size), limits)
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error) as error:
        raise InvalidSpec.at("", f"the zip archive is damaged: {quoted(str(error))}") from None
    number = {label: place for place, label in enumerate(classes)}
    targets = np.array([number[entry.label] for entry in entries], np.int64)
    counts = tuple(np.bincount(targets, minlength=len(classes)).tolist())
    field = Field(ONLY, "image", pixels.shape[1:], stored="uint8", given=_given(spec, channels))
    inputs = {ONLY: pixels}
    facts = DatasetFacts(
        "classification", len(pixels), (field,), tuple(classes), counts,
        duplicates=duplicates(inputs),
    )  # fmt: skip
    told = {"channels": channels}
    return Read(Dataset(facts, inputs, targets), _doubts(counts, classes), told)


def _given(spec: ImagesSpec, channels: int) -> Given | None:
    try:
        return spec.given(channels)
    except ValueError as error:
        raise InvalidSpec.at("/normalize", str(error)) from None


def _check_directory(path: Path) -> None:
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - 2**16 - 42, 0))
        tail = file.read()
    place = tail.rfind(_END)
    if (
        place < 0
        or len(tail) - place < 22
        or tail[max(place - 20, 0) : place].startswith(_END_ZIP64)
    ):
        raise InvalidSpec.at("", "the file does not end as a zip archive does; is it whole?")
    (directory_bytes,) = struct.unpack_from("<L", tail, place + 12)
    if directory_bytes > DIRECTORY_BYTES_MAX:
        raise TooLarge(f"the archive's table of contents has over {DIRECTORY_BYTES_MAX:,} bytes")


def _entries(archive: zipfile.ZipFile, limits: UploadLimits) -> list[_Entry]:
    """The images in the order of their names, each with the folder that it lies in."""
    found = []
    for info in archive.infolist():
        path = PurePosixPath(info.filename)
        if info.is_dir() or info.filename.startswith(SKIPPED) or path.name.startswith("."):
            continue
        if len(path.parts) < 2:
            raise InvalidSpec.at(
                "", f"{quoted(info.filename)} lies in no folder; put it in one named by its class"
            )
        if path.parts[0].lower() in PARTS and len(path.parts) > 2:
            raise InvalidSpec.at(
                "",
                f"{quoted(info.filename)} is of a part of your own; folds test every image, so put "
                "the folders of the classes at the top",
            )
        if info.flag_bits & 1:
            raise InvalidSpec.at("", f"{quoted(info.filename)} is encrypted")
        if info.file_size > IMAGE_BYTES_MAX:
            raise TooLarge(f"{quoted(info.filename)} has over {IMAGE_BYTES_MAX:,} bytes")
        found.append(_Entry(info, path.parts[-2]))
        limits.check("rows_max", len(found), "the number of images")
    if not found:
        raise InvalidSpec.at("", "the archive has no images")
    return sorted(found, key=lambda entry: entry.info.filename)


def _check_classes(classes: Sequence[str], limits: UploadLimits) -> None:
    if len(classes) < 2:
        raise InvalidSpec.at(
            "", f"all images lie in folders called {quoted(classes[0])}; two classes are needed"
        )
    limits.check("classes_max", len(classes), "the number of classes")
    for name in classes:
        if len(name) > NAME_CHARS_MAX or not name.isprintable():
            raise InvalidSpec.at("", f"{quoted(name)} cannot name a class; rename the folder")


def _channels(archive: zipfile.ZipFile, entries: Sequence[_Entry], spec: ImagesSpec) -> int:
    """As the spec says, else of the first image: grey ones stay grey."""
    if spec.channels is not None:
        return spec.channels
    first = entries[0]
    with _opened(_content(archive, first), quoted(first.info.filename)) as image:
        return 1 if image.mode in ("1", "L", "I", "I;16", "F", "LA") else 3


def _decoded(
    archive: zipfile.ZipFile,
    entries: Sequence[_Entry],
    shape: tuple[int, int, int],
    limits: UploadLimits,
) -> Pixels:
    """(N, C, H, W), each resized so that it fills the whole shape."""
    limits.check("columns_max", math.prod(shape), "the numbers of one image")
    limits.check("unpacked_bytes_max", len(entries) * math.prod(shape), "the images' size in bytes")
    pixels: Pixels = np.empty((len(entries), *shape), np.uint8)
    for row, entry in zip(pixels, entries, strict=True):
        row[:] = pixels_of(_content(archive, entry), shape, quoted(entry.info.filename))
    return pixels


def pixels_of(content: bytes, shape: Sequence[int], called: str) -> Pixels:
    """(C, H, W) of an image file. InvalidSpec or TooLarge, by what it is `called`."""
    from PIL import Image

    channels, height, width = shape
    with _opened(content, called) as image:
        try:
            plain = image.convert("L" if channels == 1 else "RGB")
            plain = plain.resize((width, height), Image.Resampling.BILINEAR)
        except (OSError, ValueError, SyntaxError) as error:
            raise _unreadable(called, error) from None
    array = np.asarray(plain)
    return array[None] if channels == 1 else array.transpose(2, 0, 1)


def _content(archive: zipfile.ZipFile, entry: _Entry) -> bytes:
    """A file that holds more than it says is read no further."""
    with archive.open(entry.info) as stream:
        content = stream.read(IMAGE_BYTES_MAX + 1)
    if len(content) > IMAGE_BYTES_MAX:
        raise TooLarge(f"{quoted(entry.info.filename)} has over {IMAGE_BYTES_MAX:,} bytes")
    return content


def _opened(content: bytes, called: str) -> Image.Image:
    """The image, its header read."""
    from PIL import Image, UnidentifiedImageError

    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(content))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise _unreadable(called, error) from None
    except Image.DecompressionBombError:
        raise TooLarge(f"{called} has too many pixels") from None
    if image.width * image.height > PIXELS_MAX:
        raise TooLarge(f"{called} has over {PIXELS_MAX:,} pixels")
    return image


def _unreadable(called: str, error: Exception) -> InvalidSpec:
    said = str(error).partition("<")[0].strip()
    return InvalidSpec.at("", f"{called} is no image that is read: {said}")


def _doubts(counts: Sequence[int], classes: Sequence[str]) -> tuple[str, ...]:
    rare = [name for name, count in zip(classes, counts, strict=True) if count < RARE_EXAMPLES]
    doubts = []
    if rare:
        doubts.append(
            f"{len(rare)} of {len(classes)} classes have fewer than {RARE_EXAMPLES} images, the "
            f"first is {quoted(rare[0])}"
        )
    return tuple(doubts)
