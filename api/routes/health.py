"""Is it alive, is it ready, how is it doing."""

from __future__ import annotations

from fastapi import APIRouter, Response

from api.deps import House
from api.health import readiness
from api.openapi import problems
from api.schemas.health import Health, Readiness
from api.telemetry import CONTENT_TYPE
from api.version import version_of

router = APIRouter(tags=["health"])


@router.get("/healthz", responses=problems())
async def healthz() -> Health:
    """Say that the process answers."""
    return Health(version=version_of("occam"))


@router.get(
    "/readyz",
    responses={
        **problems(),
        503: {"model": Readiness, "description": "A job posted now would not be trained."},
    },
)
def readyz(house: House, response: Response) -> Readiness:
    """Say whether database, broker and at least one worker are there."""
    found = readiness(house)
    response.status_code = 200 if found.status == "ready" else 503
    return found


@router.get(
    "/metrics",
    response_class=Response,
    responses={
        200: {
            "description": "Prometheus text.",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        },
        **problems(),
    },
)
def metrics(house: House) -> Response:
    """Read the service's own metrics (Prometheus)."""
    return Response(house.telemetry.exposition(), headers={"content-type": CONTENT_TYPE})
