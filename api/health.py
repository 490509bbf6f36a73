"""Readiness: would a job that is posted now be trained?"""

from __future__ import annotations

from api.deps import Services
from api.schemas.health import Readiness
from core.errors import Unavailable
from core.store import workers
from core.store.migrate import is_current

OK, OFF = "ok", "off"


def readiness(house: Services) -> Readiness:
    """Ask database, broker and workers. A service without a broker needs none."""
    checks = {"database": OK, "broker": OFF, "workers": OK}
    try:
        if not is_current(house.database):
            checks["database"] = "its schema is older than this program: run `occam migrate`"
        with house.database.read() as session:
            if not workers.list_alive(session, house.settings.lease_s):
                seen_s = house.settings.lease_s
                checks["workers"] = f"none was seen within {seen_s:g} s: start one"
    except Unavailable as error:
        checks["database"] = checks["workers"] = error.detail
    if house.relay is not None:
        checks["broker"] = house.relay.state()
    ready = all(state in (OK, OFF) for state in checks.values())
    return Readiness(status="ready" if ready else "not_ready", checks=checks)
