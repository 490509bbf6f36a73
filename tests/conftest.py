"""Fixtures for every folder: a fresh database of each kind, a data folder, a Redis of one's own.

PostgreSQL and Redis are found by OCCAM_TEST_POSTGRES_URL and OCCAM_TEST_REDIS_URL. Where none
answers, their tests are skipped with one line; under CI=true they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import redis
from sqlalchemy import URL, create_engine, make_url, text

from core.store.migrate import migrate
from core.store.session import Database

POSTGRES_URL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
REDIS_URL = "redis://127.0.0.1:6379"
OWNED_S = 1200  # a Redis database whose tests were killed is free again after this
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """An empty folder for OCCAM_DATA_DIR."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def postgresql_server() -> URL:
    """The address of a PostgreSQL where databases may be created."""
    url = make_url(os.environ.get("OCCAM_TEST_POSTGRES_URL", POSTGRES_URL))
    try:
        _administer(url, "SELECT 1")
    except Exception as error:
        _missing(f"no PostgreSQL answers at {url.host}:{url.port} ({type(error).__name__})")
    return url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("template") / "occam.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL) -> Iterator[str]:
    """The name of a migrated, empty PostgreSQL database, to be copied."""
    with _created(postgresql_server) as url:
        _migrate(url)
        name = make_url(url).database
        assert name is not None
        yield name


@pytest.fixture(params=BOTH)
def empty_database_url(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[str]:
    """A database without tables, of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{data_dir / 'occam.db'}"
        return
    with _created(request.getfixturevalue("postgresql_server")) as url:
        yield url


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, data_dir: Path) -> Iterator[str]:
    """A migrated database without rows, of each kind."""
    if request.param == "sqlite":
        path = data_dir / "occam.db"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    template = request.getfixturevalue("postgresql_template")
    with _created(request.getfixturevalue("postgresql_server"), template) as url:
        yield url


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A Database on each kind, migrated and without rows."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture
def redis_url() -> Iterator[str]:
    """A Redis database that no other test uses, emptied before and after."""
    yield from _own_redis()


@pytest.fixture(scope="session")
def lasting_redis_url() -> Iterator[str]:
    """The same for a whole session."""
    yield from _own_redis()


@pytest.fixture
def postgresql_url(postgresql_server: URL) -> Iterator[str]:
    """A PostgreSQL database without tables."""
    with _created(postgresql_server) as url:
        yield url


@pytest.fixture(scope="session")
def lasting_postgresql_url(postgresql_server: URL) -> Iterator[str]:
    """The same for a whole session."""
    with _created(postgresql_server) as url:
        yield url


def _own_redis() -> Iterator[str]:
    server = os.environ.get("OCCAM_TEST_REDIS_URL", REDIS_URL).rstrip("/")
    for number in range(1, 16):
        with redis.Redis.from_url(f"{server}/{number}", socket_timeout=5) as client:
            try:
                mine = client.set("occam-test-owner", os.getpid(), nx=True, ex=OWNED_S)
            except redis.ConnectionError:
                _missing(f"no Redis answers at {server}")
            if mine:
                client.flushdb()
                client.set("occam-test-owner", os.getpid(), ex=OWNED_S)
                yield f"{server}/{number}"
                client.flushdb()
                return
    _missing(f"all fifteen databases of the Redis at {server} are in use")


class _created:
    """A PostgreSQL database that lives as long as its block."""

    def __init__(self, server: URL, template: str = "template0") -> None:
        self._server = server
        self._template = template
        self._name = f"occam_test_{uuid4().hex[:12]}"

    def __enter__(self) -> str:
        _administer(self._server, f'CREATE DATABASE "{self._name}" TEMPLATE "{self._template}"')
        url = self._server.set(database=self._name)
        return url.render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        _administer(self._server, f'DROP DATABASE "{self._name}" WITH (FORCE)')


def _administer(server: URL, statement: str) -> None:
    engine = create_engine(
        server, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 5}
    )
    try:
        with engine.connect() as connection:
            connection.execute(text(statement))
    finally:
        engine.dispose()


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.dispose()


def _missing(sentence: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
