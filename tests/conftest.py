"""Fixtures for every folder: a fresh database of each kind, a data folder, a Redis of one's own.

PostgreSQL and Redis are found by OCCAM_TEST_POSTGRES_URL and OCCAM_TEST_REDIS_URL, a browser by
OCCAM_TEST_CHROMIUM. Where none answers, their tests are skipped with one line; under CI=true they
fail instead.
"""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest
import redis
from hypothesis import HealthCheck, settings
from sqlalchemy import URL, create_engine, make_url, text

from core.store.migrate import migrate
from core.store.models import Row
from core.store.session import Database
from tests.waiting import is_alive

POSTGRES_URL = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
REDIS_URL = "redis://127.0.0.1:6379"
OWNER, HOST = "occam-test-owner", socket.gethostname()
OWNED = f"occam_test_{sha256(HOST.encode()).hexdigest()[:8]}_"  # what databases' names begin with
OWNED_S = 6 * 3600  # a Redis database whose tests died elsewhere is free again after this
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]

# No example is too slow: the machine may be.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


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
        _drop_orphans(url)
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
def postgresql_migrated(postgresql_server: URL) -> Iterator[str]:
    """A migrated PostgreSQL database, emptied after each test: a new one takes far longer."""
    with _created(postgresql_server) as url:
        _migrate(url)
        yield url


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
    url = request.getfixturevalue("postgresql_migrated")
    yield url
    _empty(make_url(url))


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A Database on each kind, migrated and without rows."""
    database = Database(database_url)
    yield database
    database.dispose()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser that tests of pages look with."""
    named = os.environ.get("OCCAM_TEST_CHROMIUM")
    found = named or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        _missing("no Chromium is installed; apt-get install chromium or set OCCAM_TEST_CHROMIUM")
    return found


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
                _disown_if_dead(client)
                mine = client.set(OWNER, f"{HOST}:{os.getpid()}", nx=True, ex=OWNED_S)
            except redis.ConnectionError:
                _missing(f"no Redis answers at {server}")
            if mine:
                client.flushdb()
                client.set(OWNER, f"{HOST}:{os.getpid()}", ex=OWNED_S)
                yield f"{server}/{number}"
                client.flushdb()
                return
    _missing(f"all fifteen databases of the Redis at {server} are in use")


def _disown_if_dead(client: redis.Redis) -> None:
    """Free a database whose owner was a process of this machine that was killed."""
    host, _, pid = (client.get(OWNER) or b"").decode().partition(":")
    if sys.platform == "linux" and host == HOST and not is_alive(int(pid)):
        client.delete(OWNER)


class _created:
    """A PostgreSQL database that lives as long as its block."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._name = f"{OWNED}{os.getpid()}_{uuid4().hex[:12]}"

    def __enter__(self) -> str:
        _administer(
            self._server,
            f'CREATE DATABASE "{self._name}"',
            # PostgreSQL itself is not what is pulled out of the wall here
            f'ALTER DATABASE "{self._name}" SET synchronous_commit = off',
        )
        url = self._server.set(database=self._name)
        return url.render_as_string(hide_password=False)

    def __exit__(self, *_: object) -> None:
        _administer(self._server, f'DROP DATABASE "{self._name}" WITH (FORCE)')


def _drop_orphans(server: URL) -> None:
    """Drop the databases of tests on this machine that were killed."""
    names = _administer(server, "SELECT datname FROM pg_database")
    for name in names if sys.platform == "linux" else ():
        if name.startswith(OWNED) and not is_alive(int(name.removeprefix(OWNED).split("_")[0])):
            # in turn, since all processes of a suite find the same ones
            in_turn = "SELECT pg_advisory_lock(0)"
            _administer(server, in_turn, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def _empty(url: URL) -> None:
    """Delete every row, whoever still holds some of them."""
    rows = (f"DELETE FROM {table.name}" for table in reversed(Row.metadata.sorted_tables))
    _administer(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        *rows,
    )


def _administer(server: URL, *statements: str) -> list[str]:
    """Run statements one by one; the first column of what the last one answers."""
    engine = create_engine(
        server, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 5}
    )
    try:
        with engine.connect() as connection:
            for statement in statements:
                answer = connection.execute(text(statement))
            return list(answer.scalars()) if answer.returns_rows else []
    finally:
        engine.dispose()


def _migrate(url: str) -> None:
    database = Database(url)
    migrate(database)
    database.dispose()


def _missing(sentence: str) -> NoReturn:
    if os.environ.get("CI") == "true":
        pytest.fail(sentence)
    pytest.skip(sentence)
