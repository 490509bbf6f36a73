"""Both deployments, each started once and kept warm until the last test that needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.end_to_end.deployment import Deployment, running

EMBEDDED = pytest.param("embedded")
CLUSTER = pytest.param("cluster", marks=[pytest.mark.postgres, pytest.mark.redis])
WARM = pytest.StashKey[ExitStack]()


@pytest.fixture(scope="session", params=[EMBEDDED, CLUSTER])
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Embedded: `occam serve` on SQLite. Cluster: PostgreSQL, Redis, an API and two workers."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "embedded":
        deployment = Deployment(folder, {})
    else:
        settings = {
            "OCCAM_DATABASE_URL": request.getfixturevalue("lasting_postgresql_url"),
            "OCCAM_BROKER_URL": request.getfixturevalue("lasting_redis_url"),
            "OCCAM_ARTIFACTS_URL": (folder / "artifacts").as_uri(),
        }
        deployment = Deployment(folder, settings, workers=2)
    with ExitStack() as stack:
        request.config.stash[WARM] = stack
        yield stack.enter_context(running(deployment))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A session may go on long after the last test of this folder."""
    if WARM in item.config.stash and not _is_here(nextitem):
        item.config.stash[WARM].close()


def _is_here(item: pytest.Item | None) -> bool:
    return item is not None and item.path.parent == Path(__file__).parent
