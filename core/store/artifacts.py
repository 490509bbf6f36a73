"""Artifacts: checkpoints, weights and datasets, under keys that the service makes.

A folder or an object store, by URL (fsspec). What is there under a key is whole: local files are
written beside their place, flushed and renamed; object stores publish only a finished upload.
Every reader checks the SHA-256 that the row beside it holds.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any
from uuid import uuid4

from fsspec.core import url_to_fs

CHUNK_BYTES = 1024 * 1024
_KEY = re.compile(r"[a-z0-9_]+(?:[/.-][a-z0-9_]+)*")


def job_folder(job_id: str) -> str:
    """Below it lies all that the workers store of a job, also what no row tells of."""
    return f"jobs/{job_id}"


class TornArtifact(Exception):
    """The artifact's bytes are not those that were stored: use the one before it."""

    def __init__(self, key: str, sha256: str) -> None:
        super().__init__(key, sha256)
        self.key = key
        self.sha256 = sha256

    def __str__(self) -> str:
        return f"{self.key} has the checksum {self.sha256}, not the one that was stored"


@dataclass(frozen=True)
class Stored:
    """What to write into the row beside an artifact."""

    key: str
    sha256: str
    bytes: int


class Artifacts:
    """The store at one URL: `file:///srv/occam/artifacts`, `s3://bucket/prefix`, a plain path."""

    def __init__(self, url: str) -> None:
        self.url = url
        fs, root = url_to_fs(url)
        self._fs: Any = fs  # Any: fsspec has no types
        self._root: str = str(root).rstrip("/")
        self._local = "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,))

    def put(self, key: str, source: Path) -> Stored:
        """Copy a local file to `key`; it appears there whole or not at all.

        Raises OSError when it cannot, for instance with errno ENOSPC on a full disk.
        """
        if not self._local:
            self._fs.put_file(str(source), self._at(key))
            return Stored(key, _digest(source), source.stat().st_size)
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
        return Stored(key, digest, place.stat().st_size)

    @contextmanager
    def local(self, key: str, *, sha256: str | None = None) -> Iterator[Path]:
        """The artifact as a local file, to be read only, there until the block ends.

        Raises FileNotFoundError when it is gone, TornArtifact when it has not this checksum.
        """
        with ExitStack() as stack:
            path = Path(self._at(key))
            if not self._local:
                path = Path(stack.enter_context(TemporaryDirectory(prefix="occam-"))) / path.name
                self._fs.get_file(self._at(key), str(path))
            if not path.is_file():
                raise FileNotFoundError(key)
            if sha256 is not None and (found := _digest(path)) != sha256:
                raise TornArtifact(key, found)
            yield path

    def open(self, key: str) -> IO[bytes]:
        """A seekable binary reader, unchecked; to take one row out of a stacked file.

        Raises FileNotFoundError.
        """
        file: IO[bytes] = self._fs.open(self._at(key), "rb")
        return file

    def exists(self, key: str) -> bool:
        """Whether something lies under the key."""
        return bool(self._fs.exists(self._at(key)))

    def delete(self, key: str) -> None:
        """Delete an artifact whose row is gone already; one that is missing is no matter."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._at(key))

    def delete_below(self, folder: str, *, keep: Collection[str] = ()) -> None:
        """Delete all below a folder but these keys, also what a writer that died left behind."""
        kept = {self._at(key) for key in keep}
        with suppress(FileNotFoundError):
            if not kept:
                self._fs.rm(self._at(folder), recursive=True)
                return
            for path in self._fs.find(self._at(folder)):
                if path not in kept:
                    self._fs.rm_file(path)

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


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync_folder(folder: Path) -> None:
    """Without this the rename itself may be lost with the power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
