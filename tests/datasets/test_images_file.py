"""A zip of images in folders of classes, read to bytes."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.datasets import UploadLimits, read_upload
from core.datasets.canonical import read_canonical, write_canonical
from core.datasets.images_spec import ImagesSpec
from core.datasets.upload import Reading
from core.errors import InvalidSpec, TooLarge

SIDE = 4


def image(value: int, mode: str = "L", side: int = SIDE, format_: str = "PNG") -> bytes:
    """A picture whose left half is `value` and whose right half is black."""
    colour = value if mode == "L" else (value, 0, 255 - value)
    picture = Image.new(mode, (side, side), 0)
    picture.paste(colour, (0, 0, side // 2, side))
    file = io.BytesIO()
    picture.save(file, format_)
    return file.getvalue()


def zipped(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "images.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


FILES = {f"{name}/{i}.png": image(v + i) for name, v in (("cat", 10), ("dog", 200)) for i in (0, 1)}


def read(
    folder: Path,
    files: dict[str, bytes] | None = None,
    limits: UploadLimits | None = None,
    **spec: object,
) -> Reading:
    body = {"kind": "images", "size": [SIDE, SIDE], **spec}
    path = zipped(folder, FILES if files is None else files)
    return read_upload(path, ImagesSpec.model_validate(body), limits or UploadLimits())


def test_images_become_bytes_by_class_in_the_order_of_their_names(tmp_path: Path) -> None:
    files = {"__MACOSX/cat/0.png": b"x", "cat/.DS_Store": b"x", **FILES}
    reading = read(tmp_path, files)
    dataset = reading.dataset
    pixels = dataset.features
    assert (pixels.shape, pixels.dtype) == ((4, 1, SIDE, SIDE), np.uint8)
    assert pixels[:, 0, 0, 0].tolist() == [10, 11, 200, 201]
    assert pixels[:, 0, 0, -1].tolist() == [0, 0, 0, 0]
    assert dataset.facts.classes == ("cat", "dog")
    assert dataset.targets.tolist() == [0, 0, 1, 1]
    assert dataset.facts.data_bytes == 4 * (SIDE * SIDE + 8)
    kept = tmp_path / "kept"
    write_canonical(dataset, kept)
    again = read_canonical(kept)
    assert again.facts == dataset.facts
    assert np.array_equal(again.features, pixels)


def test_colours_sizes_and_formats_become_one_shape(tmp_path: Path) -> None:
    files = {
        "a/1.png": image(50, "RGB"),
        "a/2.jpg": image(50, "L", 16, "JPEG"),
        "b/3.bmp": image(50, "RGB", 9, "BMP"),
    }
    colour = read(tmp_path, files).dataset
    assert colour.facts.shape == (3, SIDE, SIDE)
    assert colour.features[0, :, 0, 0].tolist() == [50, 0, 205]
    assert len(set(colour.features[1, :, 0, 0].tolist())) == 1
    grey = read(tmp_path, files, channels=1, size=[2, 6]).dataset
    assert grey.facts.shape == (1, 2, 6)


def test_what_normalises_travels_with_the_facts(tmp_path: Path) -> None:
    colour = {name: image(9, "RGB") for name in ("a/1.png", "b/2.png")}
    (field,) = read(tmp_path, colour, normalize="imagenet").dataset.facts.inputs
    assert field.given == ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    own = {"mean": [0.5], "std": [0.25]}
    assert read(tmp_path, normalize=own).dataset.facts.inputs[0].given == ((0.5,), (0.25,))
    with pytest.raises(InvalidSpec) as caught:
        read(tmp_path, normalize="imagenet")
    assert caught.value.faults[0].pointer == "/normalize"
    assert "images have 1 channel;" in caught.value.faults[0].detail


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"1.png": image(1)}, "'1.png' lies in no folder"),
        ({"cat/1.png": image(1)}, "all images lie in folders called 'cat'"),
        ({"cat/1.png": image(1), "dog/2.png": b"no image"}, "'dog/2.png' is no image"),
        ({"cat/1.png": image(1), "dog/2.png": image(1)[:50]}, "'dog/2.png' is no image"),
        ({"train/cat/1.png": image(1)}, "is of a part of your own"),
        ({}, "the archive has no images"),
    ],
)
def test_an_archive_that_cannot_be_read_is_told_why(
    tmp_path: Path, files: dict[str, bytes], words: str
) -> None:
    with pytest.raises(InvalidSpec) as caught:
        read(tmp_path, files)
    assert words in caught.value.detail


def test_a_file_that_is_no_archive_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "images.zip"
    for content in (b"", b"PK\x03\x04 cut off", zipped(tmp_path, FILES).read_bytes()[:-30]):
        path.write_bytes(content)
        with pytest.raises(InvalidSpec):
            read_upload(path, ImagesSpec(kind="images"), UploadLimits())


def test_limits_hold_before_pixels_are_decoded(tmp_path: Path) -> None:
    for limit, most in (("rows_max", 3), ("columns_max", 15), ("unpacked_bytes_max", 63)):
        with pytest.raises(TooLarge, match=limit.upper()):
            read(tmp_path, limits=UploadLimits(**{limit: most}))
    bomb = Image.new("1", (12_000, 12_000))
    file = io.BytesIO()
    bomb.save(file, "PNG")
    assert len(file.getvalue()) < 100_000
    with pytest.raises(TooLarge, match="pixels"):
        read(tmp_path, {"a/1.png": image(1), "b/2.png": file.getvalue()})
