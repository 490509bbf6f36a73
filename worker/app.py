"""The Celery side of a worker: a message carries a job's id, means "look", and rings the bell.

Acknowledged early, lost or doubled without effect, because the tables are the truth. The consumer
runs in a thread: it does nothing but ring, and the supervisor owns the main thread.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import structlog
from celery.worker import WorkController

from core.queue import QUEUES, TASKS, celery_app

RETRY_S = 5.0  # after a broker that went away; the worker's own sweep finds the work meanwhile

log = structlog.get_logger(__name__)


def listen(broker_url: str, devices: Sequence[str], bell: threading.Event) -> None:
    """Ring `bell` for every message to these device classes, from now on, in a thread."""
    app = app_with(broker_url, bell)
    queues = [QUEUES[device] for device in devices]
    threading.Thread(target=_consume, args=(app, queues), name="celery", daemon=True).start()


def app_with(broker_url: str, bell: threading.Event) -> Any:  # Any: celery has no types
    """The Celery application whose tasks ring."""
    app = celery_app(broker_url)

    @app.task(name=TASKS["plan"])  # type: ignore[untyped-decorator]
    def plan(job_id: str) -> None:
        """A job waits to be cut into cohorts."""
        bell.set()

    @app.task(name=TASKS["claim"])  # type: ignore[untyped-decorator]
    def claim(job_id: str) -> None:
        """A cohort waits to be trained."""
        bell.set()

    return app


def _consume(app: Any, queues: Sequence[str]) -> None:
    """Consume for as long as the process lives, whatever becomes of the broker."""
    wait = threading.Event()
    while True:
        try:
            WorkController(
                app=app,
                pool="solo",
                concurrency=1,
                queues=list(queues),
                without_heartbeat=True,
                without_mingle=True,
                without_gossip=True,
                ready_callback=lambda _consumer: log.info("listening", queues=queues),
            ).start()
        except Exception as error:  # whatever the broker's client raises
            log.warning("the broker is away; looking without being rung", error=repr(error))
        wait.wait(RETRY_S)
