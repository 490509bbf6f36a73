"""Bring a database to this program's schema: `python -m core.store.migrate`.

Safe when many processes start at once on an empty database: one migrates, holding a lock for the
whole of it, and the others wait and then find nothing to do. A migration is one transaction, so
one that dies half-way leaves nothing behind.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from core.errors import Unavailable
from core.settings import Settings
from core.store.session import Database

MIGRATIONS = Path(__file__).parents[2] / "migrations"
LOCK = 0x0CCA  # the advisory lock's number on PostgreSQL; SQLite's own write lock serves as well


def migrate(database: Database) -> None:
    """Upgrade to the newest schema; nothing to do when it is there.

    Raises Unavailable when the database is newer than this program or does not answer.
    """
    if is_current(database):
        return
    config = _config()
    with database.migrating() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        _refuse_newer(connection, config)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def is_current(database: Database) -> bool:
    """Whether the schema is this program's; also what readiness asks."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    with database.read() as session:
        return _revision(session.connection()) == head


def main() -> None:
    """Migrate the database of the settings."""
    database = Database(Settings().database_url)
    try:
        migrate(database)
    finally:
        database.dispose()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    return config


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _refuse_newer(connection: Connection, config: Config) -> None:
    found = _revision(connection)
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if found is not None and found not in known:
        raise Unavailable(
            f"The database's schema ({found}) is newer than this program; install the newer Occam."
        )


if __name__ == "__main__":
    main()
