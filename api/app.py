"""The application: services made once, routes joined, layers around them in order.

Trace (id, headers, log) → Auth (before any body is read) → Guard (bodies) → routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial

from fastapi import Depends, FastAPI
from sqlalchemy.orm import Session
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from api import errors, openapi
from api.auth import Auth
from api.cursors import Cursors, secret_of
from api.datasets import folder_of
from api.deps import Services
from api.docs import CSP as DOCS_CSP
from api.docs import page
from api.guard import Guard
from api.history import HistorySource
from api.query import refuse_unknown
from api.relay import Relay
from api.reports import draw_ahead
from api.routes import catalog, datasets, health, history, jobs, reports, runs
from api.shelf import Shelf
from api.tail import Tails
from api.telemetry import Telemetry
from api.trace import Trace
from api.uploads import sweep_drafts
from api.version import version_of
from api.warmer import Warmer
from core.settings import Settings
from core.store.artifacts import Artifacts
from core.store.cohorts import count_by_status as count_cohorts
from core.store.jobs import count_by_status as count_jobs
from core.store.listener import Listener
from core.store.outbox import Ring
from core.store.session import Database
from core.store.states import Status

SUMMARY = (
    "Trains many models together and says, with statistics, which loss, regularizer and λ"
    " generalises best."
)


SHELF_BYTES = 64 * 1024 * 1024  # some hundred pages with figures
ANSWERS_BYTES = 256 * 1024 * 1024
DESK_REPORTS = 2  # one may hold tens of megabytes; a notebook asks for a dozen figures of one


ROUTERS = tuple(
    module.router for module in (jobs, history, runs, reports, datasets, catalog, health)
)


def create_app(settings: Settings) -> FastAPI:
    """An application on these settings; its database must be migrated already."""
    house = _services(settings)
    app = FastAPI(
        title="Occam",
        version=version_of("occam"),
        summary=SUMMARY,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=_lifespan,
        dependencies=[Depends(refuse_unknown)],
        middleware=[
            Middleware(Trace, telemetry=house.telemetry),
            Middleware(Auth, keys=settings.api_keys),
            Middleware(
                Guard,
                body_bytes_max=settings.body_bytes_max,
                upload_bytes_max=settings.upload_bytes_max,
            ),
        ],
    )
    app.state.services = house
    for router in ROUTERS:
        app.include_router(router)
    pages = [
        Route("/openapi.json", _openapi),
        Route("/docs", _docs),
        Route("/", _start),
    ]
    app.router.routes.extend(pages)
    routes = [route for router in ROUTERS for route in router.routes]
    errors.install(app, [*routes, *pages])
    return app


def _services(settings: Settings) -> Services:
    database = Database(settings.database_url)
    telemetry = Telemetry()
    telemetry.watch("occam_jobs", "Jobs.", "status", partial(_count, database, count_jobs))
    telemetry.watch(
        "occam_cohorts",
        "Cohorts; the queued ones are what workers have yet to take.",
        "status",
        partial(_count, database, count_cohorts),
    )
    ring = _ringer(settings)
    source = HistorySource(database)
    return Services(
        settings=settings,
        database=database,
        artifacts=Artifacts(settings.artifacts_url),
        cursors=Cursors(secret_of(settings.data_dir, settings.api_keys)),
        tails=Tails(source),
        telemetry=telemetry,
        shelf=Shelf(SHELF_BYTES, len),
        desk=Shelf(DESK_REPORTS, lambda _: 1),
        answers=Shelf(ANSWERS_BYTES, lambda scores: 0 if scores is None else scores.nbytes),
        relay=None if ring is None else Relay(database, ring),
        warmer=Warmer(source.pulses) if settings.draw_ahead else None,
    )


def _ringer(settings: Settings) -> Ring | None:
    """Celery is imported where there is a broker only: it costs a tenth of a second."""
    if settings.broker_url is None:
        return None
    from core.queue import ringer

    return ringer(settings)


def _count(
    database: Database, count: Callable[[Session], Mapping[Status, int]]
) -> dict[str, float]:
    with database.read() as session:
        return {str(status): float(rows) for status, rows in count(session).items()}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    house: Services = app.state.services
    sweep_drafts(folder_of(house.settings))
    if house.relay is not None:
        house.relay.start()
    loop = asyncio.get_running_loop()
    listener = Listener(
        lambda: house.database.ear("news"),
        partial(_hear, house, loop),
        poll_s=house.settings.poll_s,
    )
    if house.warmer is not None:
        house.warmer.start(partial(draw_ahead, house))
    listener.start()
    yield
    house.tails.close()
    await house.tails.settle()
    await asyncio.to_thread(listener.stop)  # its thread may be about to call us
    if house.warmer is not None:
        await asyncio.to_thread(house.warmer.stop)
    if house.relay is not None:
        house.relay.stop()
    house.database.dispose()


def _hear(house: Services, loop: asyncio.AbstractEventLoop) -> None:
    """Rows of some job may have changed."""
    loop.call_soon_threadsafe(house.tails.ring)
    if house.warmer is not None:
        house.warmer.ring()


async def _openapi(request: Request) -> Response:
    return JSONResponse(openapi.describe(request.app))


async def _start(_: Request) -> Response:
    return RedirectResponse("/docs")


async def _docs(request: Request) -> Response:
    text = page(openapi.describe(request.app))
    return HTMLResponse(text, headers={"content-security-policy": DOCS_CSP})
