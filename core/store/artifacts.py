"""Artifacts: checkpoints, weights and datasets, under keys that the service makes.

A folder or an object store, by URL (fsspec). What is there under a key is whole: local files are
written beside their place, flushed and renamed; object stores publish only a finished upload.
Every reader checks the SHA-256 that the row beside it holds.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

from fsspec.core import url_to_fs

CHUNK_BYTES = 1024 * 1024
_KEY = re.compile(r"[a-z0-9_]+(?:[/.-][a-z0-9_]+)*")


class TornArtifact(Exception):
    """The artifact is gone or its bytes are not those that were stored: use the one before it."""

    def __init__(self, key: str, found: str) -> None:
        super().__init__(key, found)
        self.key = key
        self.found = found


@dataclass(frozen=True)
class Stored:
    """What to write into the row beside an artifact."""

    key: str
    sha256: str
    size_bytes: int


class Artifacts:
    """The store at one URL: `file:///srv/occam/artifacts`, `s3://bucket/prefix`, a plain path."""

    def __init__(self, url: str) -> None:
        self.url = url
        fs, root = url_to_fs(url)
        self._fs: Any = fs  # Any: fsspec has no types
        self._root: str = str(root).rstrip("/")
        self._local = "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))

    def put(self, source: Path, key: str) -> Stored:
        """Copy a local file to `key`; it appears there whole or not at all.

        Raises OSError when it cannot, for instance with errno ENOSPC on a full disk.
        """
        if not self._local:
            self._fs.put_file(str(source), self._at(key))
            with source.open("rb") as file:
                return Stored(key, hashlib.file_digest(file, "sha256").hexdigest(), _size(source))
        place = Path(self._at(key))
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{uuid4().hex}")
        try:
            with source.open("rb") as reader, draft.open("xb") as writer:
                digest = _copy(reader, writer)
                os.fsync(writer.fileno())
            draft.replace(place)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(place.parent)
        return Stored(key, digest, _size(place))

    def fetch(self, key: str, target: Path, *, sha256: str) -> Path:
        """Copy an artifact to a local path and check it. Raises TornArtifact."""
        try:
            with self.open(key) as reader, target.open("wb") as writer:
                digest = _copy(reader, writer)
        except FileNotFoundError:
            raise TornArtifact(key, "nothing") from None
        if digest != sha256:
            target.unlink(missing_ok=True)
            raise TornArtifact(key, digest)
        return target

    def read(self, key: str, *, sha256: str) -> bytes:
        """All bytes of an artifact, checked. Raises TornArtifact."""
        try:
            with self.open(key) as reader:
                data = reader.read()
        except FileNotFoundError:
            raise TornArtifact(key, "nothing") from None
        digest = hashlib.sha256(data).hexdigest()
        if digest != sha256:
            raise TornArtifact(key, digest)
        return data

    def open(self, key: str) -> IO[bytes]:
        """A seekable binary reader, unchecked; to take one row out of a stacked file.

        Raises FileNotFoundError.
        """
        file: IO[bytes] = self._fs.open(self._at(key), "rb")
        return file

    def exists(self, key: str) -> bool:
        """Whether something lies under the key."""
        return bool(self._fs.exists(self._at(key)))

    def remove(self, keys: Iterable[str]) -> None:
        """Delete artifacts whose rows are gone already; those that are missing are no matter."""
        for key in keys:
            with suppress(FileNotFoundError):
                self._fs.rm_file(self._at(key))

    def _at(self, key: str) -> str:
        assert _KEY.fullmatch(key), f"{key!r} is no key that we make"
        return f"{self._root}/{key}"


def _copy(reader: IO[bytes], writer: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := reader.read(CHUNK_BYTES):
        digest.update(chunk)
        writer.write(chunk)
    writer.flush()
    return digest.hexdigest()


def _size(path: Path) -> int:
    return path.stat().st_size


def _sync_folder(folder: Path) -> None:
    """Without this the rename itself may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
