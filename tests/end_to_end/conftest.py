"""Both deployments, each started once for the whole session and kept warm."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.deployment import Deployment, running

# A group stays in one process of pytest-xdist, else each process would start its own deployment.
EMBEDDED = pytest.param("embedded", marks=pytest.mark.xdist_group("embedded"))
CLUSTER = pytest.param(
    "cluster", marks=[pytest.mark.postgres, pytest.mark.redis, pytest.mark.xdist_group("cluster")]
)


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
    with running(deployment) as ready:
        yield ready
