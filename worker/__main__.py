"""`python -m worker`: one worker, for one device. Ends in order at SIGTERM, with status 0."""

from __future__ import annotations

import threading
import time

import structlog

from core.errors import Unavailable
from core.lifeline import die_if_asked
from core.queue import ringer
from core.settings import Settings
from core.store.migrate import migrate
from core.store.session import Database
from worker.app import listen
from worker.logs import log_to_stderr
from worker.signals import when_asked_to_end
from worker.supervisor import Supervisor

DATABASE_WAIT_S = 60.0  # for a database that starts at the same time as we do

log = structlog.get_logger(__name__)


def main() -> None:
    """Migrate if needed, then work until asked to end."""
    die_if_asked()
    settings = Settings()
    log_to_stderr(settings)
    stopping, bell = threading.Event(), threading.Event()

    def end() -> None:
        stopping.set()
        bell.set()

    when_asked_to_end(end)
    _migrate(settings, stopping)
    ring = ringer(settings)
    supervisor = Supervisor(settings, stopping=stopping, bell=bell, ring=ring)

    def hear(devices: tuple[str, ...]) -> None:
        if settings.broker_url is not None:
            listen(settings.broker_url, devices, bell)

    log.info("worker started", worker=supervisor.id, broker=ring is not None)
    supervisor.run(hear)
    log.info("worker ended", worker=supervisor.id)


def _migrate(settings: Settings, stopping: threading.Event) -> None:
    database = Database(settings.database_url)
    deadline = time.monotonic() + DATABASE_WAIT_S
    while not stopping.is_set():
        try:
            migrate(database)
            break
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            log.warning("waiting for the database", error=error.detail)
        stopping.wait(1.0)
    database.dispose()


if __name__ == "__main__":
    main()
