import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.datasets import Reading, UploadLimits, UploadSpec, read_upload
from core.errors import InvalidSpec, OccamError, TooLarge

X = np.arange(12, dtype=np.float32).reshape(6, 2)
Y = np.array([0, 1, 0, 1, 0, 1])


def read(path: Path, limits: UploadLimits | None = None, **spec: Any) -> Reading:
    return read_upload(path, UploadSpec(**spec), limits or UploadLimits())


def npz(folder: Path, **arrays: Any) -> Path:
    path = folder / "data.npz"
    np.savez_compressed(path, **arrays)
    return path


def zipped(folder: Path, **entries: bytes) -> Path:
    path = folder / "data.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    return path


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def npy_header(descr: str, shape: tuple[int, ...]) -> bytes:
    text = repr({"descr": descr, "fortran_order": False, "shape": shape}).encode()
    text = text.ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


@pytest.mark.parametrize(
    "names", [("x", "y"), ("X", "y"), ("features", "target"), ("x", "targets")]
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_usual_names_are_found(tmp_path: Path, names: tuple[str, str], save: Any) -> None:
    save(tmp_path / "data.npz", **{names[0]: X, names[1]: Y})

    reading = read(tmp_path / "data.npz")

    assert reading.format == "npz"
    assert reading.dataset.facts.feature_names == ("x0", "x1")
    np.testing.assert_array_equal(reading.dataset.features, X)
    np.testing.assert_array_equal(reading.dataset.targets, Y)


def test_arrays_may_be_named_in_the_spec(tmp_path: Path) -> None:
    path = npz(tmp_path, x=X, y=Y, a=X + 1, b=Y[::-1])

    dataset = read(path, features="a", target="b").dataset

    np.testing.assert_array_equal(dataset.features, X + 1)
    np.testing.assert_array_equal(dataset.targets, Y[::-1])


@pytest.mark.parametrize("dtype", ["bool", "uint8", ">i4", "<u8", "float16", ">f8", "float64"])
def test_every_number_type_and_order_is_read(tmp_path: Path, dtype: str) -> None:
    x = np.asfortranarray((np.arange(12).reshape(6, 2) % 2).astype(dtype))

    dataset = read(npz(tmp_path, x=x, y=Y)).dataset

    assert dataset.features.dtype == np.float32
    assert dataset.features.flags.c_contiguous
    np.testing.assert_array_equal(dataset.features, x.astype(np.float32))


@pytest.mark.parametrize("labels", [["no", "yes"], [b"no", b"yes"]])
def test_classes_may_be_text(tmp_path: Path, labels: list[str]) -> None:
    dataset = read(npz(tmp_path, x=X, y=np.array(labels * 3))).dataset

    assert dataset.facts.classes == ("no", "yes")
    assert dataset.targets.tolist() == [0, 1, 0, 1, 0, 1]


@pytest.mark.parametrize(
    ("shape", "image", "expected"),
    [
        ((6,), None, (1,)),
        ((6, 8, 8), None, (1, 8, 8)),
        ((6, 3, 8, 9), None, (3, 8, 9)),
        ((6, 8, 9, 3), None, (3, 8, 9)),
        ((6, 3, 3, 3), None, (3, 3, 3)),
        ((6, 64), {"height": 8, "width": 8}, (1, 8, 8)),
        ((6, 24), {"height": 4, "width": 2, "channels": 3}, (3, 4, 2)),
        ((6, 4, 2, 3), {"height": 4, "width": 2, "channels": 3}, (3, 4, 2)),
        ((6, 3, 4, 2), {"height": 4, "width": 2, "channels": 3}, (3, 4, 2)),
        ((6, 4, 2, 1), {"height": 4, "width": 2}, (1, 4, 2)),
    ],
)
def test_images_are_channels_first(
    tmp_path: Path, shape: tuple[int, ...], image: dict[str, int] | None, expected: tuple[int, ...]
) -> None:
    x = np.random.default_rng(0).random(shape, np.float32)

    dataset = read(npz(tmp_path, x=x, y=Y), image=image).dataset

    assert dataset.facts.shape == expected
    last = len(shape) == 4 and shape[1:] != expected
    turned = x.transpose(0, 3, 1, 2) if last else x.reshape(6, *expected)
    np.testing.assert_array_equal(dataset.features, turned)
    assert dataset.features.flags.c_contiguous


def test_several_real_targets_are_outputs(tmp_path: Path) -> None:
    y = np.random.default_rng(0).normal(size=(6, 3))

    dataset = read(npz(tmp_path, x=X, y=y)).dataset

    assert (dataset.facts.task, dataset.facts.outputs) == ("regression", 3)
    np.testing.assert_allclose(dataset.targets, y, rtol=1e-6)


REFUSED: list[tuple[dict[str, Any], dict[str, Any], str, str]] = [
    ({"a": X, "y": Y}, {}, "/features", "name the array of the features, since there is 'a', 'y'"),
    ({"x": X, "X": X, "y": Y}, {}, "/features", "both x and X are there"),
    ({"x": X, "y": Y}, {"target": "z"}, "/target", "no array is called 'z'; there is 'x', 'y'"),
    ({"x": X, "y": Y}, {"target": "x"}, "/target", "array 'x' is the features"),
    ({"x": X, "y": Y}, {"target": -1}, "/target", "is named, not numbered"),
    ({"x": X, "y": Y}, {"ignore": ["x"]}, "/ignore", "names columns of a CSV file"),
    ({"x": X, "y": Y}, {"format": "csv"}, "/format", "format is csv, but the file is a zip"),
    ({"x": X, "y": Y[:5]}, {}, "", "shape 6x2 and target 'y' 5; the first lengths"),
    ({"x": X[:0], "y": Y[:0]}, {}, "", "there is no data"),
    ({"x": X[:, :0], "y": Y}, {}, "", "there is no data: 'x' has shape 6x0"),
    ({"x": np.float32(1), "y": Y}, {}, "", "the first lengths should be equal"),
    ({"x": X.astype(str), "y": Y}, {}, "/features", "holds text; features are numbers only"),
    ({"x": X.astype(complex), "y": Y}, {}, "", "dtype 'complex128'; use bool"),
    ({"x": X.astype("f8,f8"), "y": Y}, {}, "", "use bool, whole numbers"),
    ({"x": X.astype(np.longdouble), "y": Y}, {}, "", "floats of up to 64 bits"),
    ({"x": X.astype("M8[s]"), "y": Y}, {}, "", "use bool, whole numbers"),
    ({"x": X.astype(object), "y": Y}, {}, "", "dtype 'object'; use bool"),
    ({"x": np.where(X == 7, np.nan, X), "y": Y}, {}, "", r"x\[3, 1\] is nan, not a finite"),
    (
        {"x": np.where(X == 7, 1e300, X.astype(float)), "y": Y},
        {},
        "",
        r"x\[3, 1\] is 1e\+300, not a finite",
    ),
    ({"x": X, "y": np.array([0, 1, 2, np.inf, 0, 1])}, {}, "", r"y\[3\] is inf, not a finite"),
    ({"x": X, "y": np.eye(6, dtype=int)}, {}, "/target", "6 columns; give one class number"),
    ({"x": X, "y": np.ones((6, 2, 2))}, {}, "/target", "the target has 3 axes"),
    ({"x": X, "y": np.array([["a", "b"]] * 6)}, {}, "/target", "needs one text per example"),
    ({"x": X, "y": np.array([b"\xff", b"a"] * 3)}, {}, "/target", "is not UTF-8 text"),
    ({"x": X, "y": np.array(["\ud800", "a"] * 3)}, {}, "", r"y\[0\]: .* cannot name a class"),
    ({"x": np.zeros((6, 1, 1, 1, 1)), "y": Y}, {}, "/features", "an example has 4 axes"),
    ({"x": X, "y": Y}, {"image": {"height": 2, "width": 2}}, "/image", "an example has 2"),
    (
        {"x": np.zeros((6, 2, 8)), "y": Y},
        {"image": {"height": 4, "width": 4}},
        "/image",
        "an example has shape 2x8, not 1x4x4",
    ),
]


@pytest.mark.parametrize(("arrays", "spec", "pointer", "sentence"), REFUSED)
def test_what_is_wrong_is_refused_by_its_place(
    tmp_path: Path, arrays: dict[str, Any], spec: dict[str, Any], pointer: str, sentence: str
) -> None:
    path = npz(tmp_path, **arrays)

    with pytest.raises(InvalidSpec, match=sentence) as refusal:
        read(path, **spec)

    assert [fault.pointer for fault in refusal.value.faults] == [pointer]


@pytest.mark.parametrize(
    ("descr", "shape"),
    [
        ("<f4", (2**40,)),
        ("<f4", (6, 2**38)),
        ("<f4", (-6, -2)),
        ("<f4", (2**64, 2**64)),
        ("<U100000000", (6,)),
        ("<U0", (6,)),
    ],
)
def test_a_header_that_lies_is_refused_before_memory_is_taken(
    tmp_path: Path, descr: str, shape: tuple[int, ...]
) -> None:
    path = zipped(tmp_path, x=npy_header(descr, shape) + b"\0" * 48, y=npy(Y))

    with pytest.raises(InvalidSpec, match=r"claims shape|use bool"):
        read(path)


def test_a_header_that_claims_to_be_endless_is_refused(tmp_path: Path) -> None:
    x = b"\x93NUMPY\x02\x00" + struct.pack("<L", 2**32 - 1) + b" " * 100_000

    with pytest.raises(InvalidSpec, match=r"no readable \.npy header"):
        read(zipped(tmp_path, x=x, y=npy(Y)))


def test_a_bomb_is_refused_by_the_size_it_would_have(tmp_path: Path) -> None:
    path = npz(tmp_path, x=np.zeros((1000, 5000), np.uint8), y=np.arange(1000) % 2)
    assert path.stat().st_size < 10_000

    with pytest.raises(TooLarge, match="OCCAM_UPLOAD_UNPACKED_BYTES_MAX"):
        read(path, UploadLimits(unpacked_bytes_max=19_999_999))


def test_an_entry_that_claims_more_than_deflate_can_hold_is_refused(tmp_path: Path) -> None:
    shape = (6, 2**27)
    content = npy_header("<f4", shape) + b"\0" * 48
    path = zipped(tmp_path, x=content, y=npy(Y))
    claimed = len(npy_header("<f4", shape)) + 6 * 2**27 * 4
    raw = path.read_bytes()
    true_size = struct.pack("<L", len(content))
    path.write_bytes(raw.replace(true_size, struct.pack("<L", claimed)))

    with pytest.raises(InvalidSpec, match="which is impossible"):
        read(path)


def test_an_archive_of_many_entries_is_refused(tmp_path: Path) -> None:
    few = {f"a{i}": npy(Y) for i in range(65)}
    with pytest.raises(InvalidSpec, match="at most 64 arrays"):
        read(zipped(tmp_path, **few))
    with pytest.raises(InvalidSpec, match="at most 64 arrays"):
        read(zipped(tmp_path, **{f"a{i}": b"" for i in range(2000)}))


@pytest.mark.parametrize(
    ("limits", "setting"),
    [
        (UploadLimits(rows_max=5), "ROWS_MAX"),
        (UploadLimits(columns_max=1), "COLUMNS_MAX"),
        (UploadLimits(classes_max=1), "CLASSES_MAX"),
    ],
)
def test_a_limit_is_named_where_it_is_passed(
    tmp_path: Path, limits: UploadLimits, setting: str
) -> None:
    with pytest.raises(TooLarge, match=f"OCCAM_UPLOAD_{setting}"):
        read(npz(tmp_path, x=X, y=Y), limits)


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    path = npz(tmp_path, x=np.array([Trap()] * 6, object), y=Y)

    with pytest.raises(InvalidSpec, match="dtype 'object'"):
        read(path)
    assert not (tmp_path / "sprung").exists()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300
)
@given(st.data())
def test_a_damaged_file_is_a_dataset_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    raw = bytearray(npz(tmp_path, x=X, y=Y).read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "damaged.npz"
    path.write_bytes(
        raw[: data.draw(st.integers(1, len(raw)))] if data.draw(st.booleans()) else raw
    )

    try:
        dataset = read(path).dataset
    except OccamError:
        return
    assert np.isfinite(dataset.features).all()
