"""NPZ (a zip of NumPy arrays), distrusting every number that the file says about itself.

An array is allocated only after its header, its entry's size and the compressed bytes agree, and
all of them are under the limit. Objects (pickles) are never read.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from core.datasets.belonging import Told
from core.datasets.upload_spec import UploadLimits, UploadSpec, quoted
from core.errors import InvalidSpec

FEATURES_NAMES = ("x", "X", "features")
TARGET_NAMES = ("y", "target", "targets")
ENTRIES_MAX = 64
DIRECTORY_BYTES_MAX = 64 * 1024  # 64 entries with names of a kilobyte
HEADER_BYTES_MAX = 64 * 1024  # NumPy itself trusts headers of up to 10 kB
DEFLATE_RATIO_MAX = 1032  # what deflate can reach at most
CHUNK_BYTES = 2**20
_END, _END_ZIP64 = b"PK\x05\x06", b"PK\x06\x07"
_UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    struct.error,
)

Array = NDArray[np.generic]


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays of an NPZ file as stored, and what they are called there."""

    features: Array
    target: Array
    features_name: str
    target_name: str
    group: Told | None
    time: Told | None


@dataclass(frozen=True)
class _Header:
    name: str
    dtype: np.dtype[np.generic]
    shape: tuple[int, ...]
    fortran: bool
    offset: int  # bytes before the data


def read_npz(path: Path, spec: UploadSpec, limits: UploadLimits) -> Arrays:
    """InvalidSpec or TooLarge where the file lies, is damaged, or holds what is not data."""
    if spec.ignore:
        raise InvalidSpec.at("/ignore", "ignore names columns of a CSV file; this is an NPZ file")
    _check_directory(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _arrays(archive, spec, limits)
    except _UNREADABLE as error:
        raise InvalidSpec.at("", f"the NPZ file is damaged: {quoted(str(error))}") from None


def is_workbook(path: Path) -> bool:
    """Whether a zip archive is what Excel writes."""
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except (InvalidSpec, *_UNREADABLE):
        return False


def _arrays(archive: zipfile.ZipFile, spec: UploadSpec, limits: UploadLimits) -> Arrays:
    entries = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
    if len(archive.infolist()) > ENTRIES_MAX or len(entries) < len(archive.infolist()):
        raise InvalidSpec.at("", f"an NPZ file has at most {ENTRIES_MAX} arrays of different names")
    if isinstance(spec.target, int):
        raise InvalidSpec.at("/target", "in an NPZ file the target is named, not numbered")
    x = _chosen(entries, spec.features, FEATURES_NAMES, "features")
    y = _chosen(entries, spec.target, TARGET_NAMES, "target")
    if x == y:
        raise InvalidSpec.at("/target", f"array {quoted(x)} is the features; name another")
    told = {role: _told(entries, role, given, (x, y)) for role, given in _given(spec).items()}
    names = dict.fromkeys((x, y, *(name for name in told.values() if name)))
    headers = {name: _header(archive, entries[name], name) for name in names}
    _check_shapes(headers[x], headers[y], limits)
    for role, name in told.items():
        if name is not None:
            _check_told(role, headers[name], headers[x], limits)
    arrays = {name: _read(archive, entries[name], header) for name, header in headers.items()}
    columns = {role: name and Told(name, arrays[name]) for role, name in told.items()}
    return Arrays(arrays[x], arrays[y], x, y, columns["group"] or None, columns["time"] or None)


def _given(spec: UploadSpec) -> dict[str, str | int | None]:
    return {"group": spec.group, "time": spec.time}


def _told(
    entries: Mapping[str, zipfile.ZipInfo], role: str, given: str | int | None, taken: Sequence[str]
) -> str | None:
    """The array of the groups or times: the one that is named, else the one called so."""
    if isinstance(given, int):
        raise InvalidSpec.at(f"/{role}", f"in an NPZ file the {role} is named, not numbered")
    if given is None:
        return role if role in entries and role not in taken else None
    if given in taken:
        raise InvalidSpec.at(
            f"/{role}", f"array {quoted(given)} is the features or the target; name another"
        )
    return _chosen(dict(entries), given, (), role)


def _check_told(role: str, header: _Header, x: _Header, limits: UploadLimits) -> None:
    rows = x.shape[0]
    if math.prod(header.shape) != rows or header.shape[0] != rows:
        raise InvalidSpec.at(
            f"/{role}",
            f"array {quoted(header.name)} has shape {_short(header.shape)}; the {role} is one "
            f"value for each of the {rows:,} rows",
        )
    size = rows * header.dtype.itemsize
    limits.check("unpacked_bytes_max", size, f"the {role}'s size in bytes")


def _check_directory(path: Path) -> None:
    """Bound the archive's table of contents, which zipfile reads as a whole, before it does."""
    with path.open("rb") as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(size - 42, 0))
        tail = file.read()
    end, locator = tail[-22:], tail[-42:-22]
    if len(end) < 22 or not end.startswith(_END) or locator.startswith(_END_ZIP64):
        raise InvalidSpec.at(
            "", "the file does not end as numpy.savez ends an NPZ file; is it whole?"
        )
    (directory_bytes,) = struct.unpack_from("<L", end, 12)
    if directory_bytes > DIRECTORY_BYTES_MAX:
        raise InvalidSpec.at("", f"an NPZ file has at most {ENTRIES_MAX} arrays")


def _chosen(
    entries: dict[str, zipfile.ZipInfo], named: str | None, usual: tuple[str, ...], role: str
) -> str:
    """The array that plays a role: the one that the spec names, else the usual one."""
    present = ", ".join(quoted(name) for name in list(entries)[:10]) or "none"
    if named is not None:
        if named not in entries:
            raise InvalidSpec.at(
                f"/{role}", f"no array is called {quoted(named)}; there is {present}"
            )
        return named
    found = [name for name in usual if name in entries]
    if len(found) == 1:
        return found[0]
    which = f"both {found[0]} and {found[1]} are there" if found else f"there is {present}"
    raise InvalidSpec.at(
        f"/{role}", f"name the array of the {role}, since {which} (usual is {' or '.join(usual)})"
    )


def _header(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> _Header:
    """Read an entry's .npy header from a bounded prefix, whatever length it claims."""
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InvalidSpec.at(
            "", f"array {quoted(name)} is encrypted or compressed in a way that numpy does not use"
        )
    with archive.open(info) as stream:
        prefix = io.BytesIO(stream.read(HEADER_BYTES_MAX))
    try:
        version = np.lib.format.read_magic(prefix)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, fortran, dtype = read(prefix)
    except (ValueError, KeyError, TypeError, SyntaxError, RecursionError, MemoryError):
        raise InvalidSpec.at(
            "", f"array {quoted(name)} has no readable .npy header; write it with numpy.savez"
        ) from None
    header = _Header(name, dtype, shape, fortran, prefix.tell())
    _check_header(header, info)
    return header


def _check_header(header: _Header, info: zipfile.ZipInfo) -> None:
    """Refuse what cannot be data, and sizes that do not agree."""
    dtype, shape = header.dtype, header.shape
    if (
        dtype.kind not in "biufUS"
        or dtype.itemsize == 0
        or (dtype.kind == "f" and dtype.itemsize > 8)
    ):
        raise InvalidSpec.at(
            "",
            f"array {quoted(header.name)} has dtype {quoted(str(dtype))}; "
            "use bool, whole numbers, floats of up to 64 bits, or text for class names",
        )
    claimed = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or header.offset + claimed != info.file_size:
        raise InvalidSpec.at(
            "",
            f"array {quoted(header.name)} claims shape {_short(shape)} of {dtype}, which is "
            f"{claimed:,} bytes, but {info.file_size - header.offset:,} are there",
        )
    if info.file_size > DEFLATE_RATIO_MAX * info.compress_size + CHUNK_BYTES:
        raise InvalidSpec.at(
            "",
            f"array {quoted(header.name)} claims {info.file_size:,} bytes from "
            f"{info.compress_size:,} compressed ones, which is impossible",
        )


def _check_shapes(x: _Header, y: _Header, limits: UploadLimits) -> None:
    if not x.shape or not y.shape or x.shape[0] != y.shape[0]:
        raise InvalidSpec.at(
            "",
            f"features {quoted(x.name)} have shape {_short(x.shape)} and target "
            f"{quoted(y.name)} {_short(y.shape)}; the first lengths should be equal",
        )
    if x.dtype.kind not in "biuf":
        raise InvalidSpec.at(
            "/features", f"array {quoted(x.name)} holds text; features are numbers only"
        )
    if min(x.shape) == 0 or min(y.shape) == 0:
        raise InvalidSpec.at(
            "",
            f"there is no data: {quoted(x.name)} has shape {_short(x.shape)} and "
            f"{quoted(y.name)} {_short(y.shape)}",
        )
    limits.check("rows_max", x.shape[0], "the number of examples")
    limits.check("columns_max", math.prod(x.shape[1:]), "the number of features")
    limits.check("columns_max", math.prod(y.shape[1:]), "the number of targets per example")
    stored = sum(math.prod(h.shape) * h.dtype.itemsize for h in (x, y))
    as_float32 = 4 * math.prod(x.shape)  # bytes grow fourfold
    limits.check("unpacked_bytes_max", max(stored, as_float32), "the data's size in bytes")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, header: _Header) -> Array:
    """The array itself, into memory of exactly the size that was checked."""
    values: Array = np.empty(math.prod(header.shape), header.dtype)
    memory = memoryview(values.view(np.uint8).data)
    with archive.open(info) as stream:
        stream.read(header.offset)
        for start in range(0, len(memory), CHUNK_BYTES):
            wanted = min(CHUNK_BYTES, len(memory) - start)
            chunk = stream.read(wanted)
            if len(chunk) < wanted:
                raise EOFError(f"array {header.name} ends early")
            memory[start : start + wanted] = chunk
    if header.fortran:
        return values.reshape(header.shape[::-1]).T
    return values.reshape(header.shape)


def _short(shape: tuple[int, ...]) -> str:
    return quoted("x".join(str(n) for n in shape) or "()").strip("'")
