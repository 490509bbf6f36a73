"""Rings between the processes that share a SQLite file: a commit touches a file beside it.

The kernel tells whoever listens (inotify on Linux), so nothing is left behind by a process that
was killed, and nobody has to know who is there. Elsewhere, or when the kernel has no watch left,
an ear is deaf and asks for `PRAGMA data_version` so often that nobody notices.
"""

from __future__ import annotations

import ctypes
import os
import sqlite3
import struct
import sys
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from core.errors import Unavailable
from core.store.bells import Topic

DEAF_LAG_S = 0.05  # between two looks of an ear that hears no rings
_IN_ATTRIB, _IN_IGNORED = 0x4, 0x8000  # <sys/inotify.h>
_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of a name: none for a single file

log = structlog.get_logger(__name__)


class FileBells:
    """The bells of the database behind an engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._file = str(engine.url.database)

    def before_commit(self, session: object, topics: Collection[Topic]) -> None:
        """Nothing: a listener would look before there is anything to see."""

    def after_commit(self, topics: Collection[Topic]) -> None:
        for topic in topics:
            with suppress(OSError):  # nobody ever listened, or the folder is gone
                os.utime(self._path(topic))

    def ear(self, topic: Topic) -> FileEar:
        return FileEar(self._engine, self._path(topic))

    def _path(self, topic: Topic) -> Path:
        return Path(f"{self._file}-{topic}")


class FileEar:
    """Hears when a file is touched; its mark is SQLite's count of others' commits."""

    def __init__(self, engine: Engine, path: Path) -> None:
        try:
            fairy = engine.raw_connection()
        except DBAPIError as error:
            raise Unavailable("The database cannot be opened; retry in a moment.") from error
        connection = fairy.driver_connection
        assert isinstance(connection, sqlite3.Connection), f"{connection} is not SQLite's"
        fairy.detach()  # from the pool: the count is for a connection that is kept and only looks
        self._connection = connection
        self._watch = _watch(path)
        self.lag_s = DEAF_LAG_S if self._watch is None else 0.0

    def fileno(self) -> int | None:
        return self._watch

    def take(self) -> bool:
        if self._watch is None:
            return False
        try:
            events = os.read(self._watch, 1024 * _EVENT.size)
        except BlockingIOError:
            return False
        if any(mask & _IN_IGNORED for _, mask, _, _ in _EVENT.iter_unpack(events)):
            raise Unavailable("The file to listen to was removed.")
        return True

    def mark(self) -> object:
        try:
            return self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error as error:
            raise Unavailable("The database did not answer; retry in a moment.") from error

    def close(self) -> None:
        self._connection.close()
        if self._watch is not None:
            os.close(self._watch)


def _watch(path: Path) -> int | None:
    """A descriptor that becomes readable when the file is touched; None where there is none."""
    if sys.platform != "linux":
        return None
    try:
        path.touch()
        return _inotify(path)
    except OSError as error:  # a full disk, or no instance left for this user
        log.warning("looking often, since the kernel cannot tell", error=repr(error))
        return None


def _inotify(path: Path) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    watch: int = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    if watch < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    if libc.inotify_add_watch(watch, os.fsencode(path), _IN_ATTRIB) < 0:
        os.close(watch)
        raise OSError(ctypes.get_errno(), "inotify_add_watch")
    return watch
