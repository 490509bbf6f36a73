"""What SQLite needs to serve several processes: WAL, patience, foreign keys, honest BEGINs."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event

BUSY_TIMEOUT_S = 10.0  # how long a statement waits for another writer
WAL_ATTEMPTS = 100  # the switch to WAL ignores the busy timeout when several processes start
NETWORK_FILE_SYSTEMS = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"})


def prepare(url: URL) -> None:
    """Make the file's folder; refuse a network file system, whose locks cannot be trusted."""
    if not url.database or url.database == ":memory:":
        raise ValueError("An in-memory SQLite cannot be shared; name a file: sqlite:///occam.db")
    folder = Path(url.database).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    kind = _file_system(folder, _mounts())
    if kind in NETWORK_FILE_SYSTEMS:
        raise ValueError(
            f"{folder} is on a network file system ({kind}), where SQLite loses data;"
            " use a local folder, or PostgreSQL."
        )


def listen(engine: Engine) -> None:
    """Every connection: WAL and foreign keys. Every transaction: the BEGIN we mean."""

    @event.listens_for(engine, "connect")
    def _connect(connection: sqlite3.Connection, _record: Any) -> None:  # Any: a pool record
        connection.isolation_level = None  # else the driver begins, deferred, when it likes
        connection.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        _switch_to_wal(connection)

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        writes, durable = options.get("occam_write", False), options.get("occam_durable", True)
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writes else 'ON'}")
        if writes:  # FULL: an acknowledged job survives a power cut, and all that was before it
            connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    for attempt in range(WAL_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if attempt == WAL_ATTEMPTS - 1 or "locked" not in str(error):
                raise
            time.sleep(0.05)
        else:
            return


def _mounts() -> str:
    table = Path("/proc/mounts")
    return table.read_text() if table.exists() else ""


def _file_system(folder: Path, mounts: str) -> str | None:
    """The kind of the deepest mount that holds the folder; None where the system does not say."""
    found = [
        (len(words[1]), words[2])
        for line in mounts.splitlines()
        if len(words := line.split()) > 2 and folder.is_relative_to(words[1])
    ]
    return max(found, default=(0, None))[1]
