"""Alembic's entry. `core.store.migrate` hands over a connection that holds the lock; the command
line (`alembic revision --autogenerate`) opens its own from the settings."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection, create_engine

from core.settings import Settings
from core.store.models import Row


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=Row.metadata,
        compare_type=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        _run(given)
        return
    engine = create_engine(Settings().database_url)
    with engine.begin() as connection:
        _run(connection)
    engine.dispose()


main()
