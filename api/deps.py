"""What every route may ask for: the process's services, and parameters read the same way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Header, Query, Request

from api.cursors import Cursors
from api.relay import Relay
from api.shelf import Shelf
from api.tail import Tails
from api.telemetry import Telemetry
from api.warmer import Warmer
from core.report.evidence import Evidence
from core.report.report import Report
from core.rows import RowScores
from core.settings import Settings
from core.store.artifacts import Artifacts
from core.store.session import Database

LIMIT_DEFAULT = 100


@dataclass(frozen=True)
class Services:
    """Made once per application; shared by all requests."""

    settings: Settings
    database: Database
    artifacts: Artifacts
    cursors: Cursors
    tails: Tails
    telemetry: Telemetry
    shelf: Shelf[bytes]  # answers
    desk: Shelf[tuple[Report, Evidence]]  # what they are drawn from
    answers: Shelf[RowScores | None]  # recomputed from weights
    relay: Relay | None  # None without a broker
    warmer: Warmer | None  # None where pages are drawn when they are asked for

    def ring(self) -> None:
        """Tell the broker, soon and elsewhere, of what was just committed."""
        if self.relay is not None:
            self.relay.ask()


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


def _principal(request: Request) -> str:
    principal: str = request.state.principal
    return principal


def _limit(
    request: Request,
    limit: Annotated[
        int, Query(ge=1, description="Items per page; 1000 where it is more than that.")
    ] = LIMIT_DEFAULT,
) -> int:
    most = _services(request).settings.page_limit_max
    return min(most, limit)


House = Annotated[Services, Depends(_services)]
Principal = Annotated[str, Depends(_principal)]
Limit = Annotated[int, Depends(_limit)]
After = Annotated[
    str | None, Query(description="The cursor `next` of the page before.", max_length=500)
]
Accept = Annotated[str | None, Header(description="Media types you can read.", max_length=2000)]
