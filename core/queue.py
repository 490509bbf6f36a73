"""The bell: tells workers that rows wait. The rows are the truth; every ring may be lost.

Embedded there is no broker, so the bell is silent and workers poll the tables. In a cluster a ring
is a Celery message with an id and nothing else. Publishing may hang for as long as a broker does,
so it is never done inside a request: a `Relay` thread pays the outbox.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from celery import Celery

RELAY_EVERY_S = 0.1  # how long a wake-up may lie in the outbox when all is well
RELAY_BACKOFF_S = 5.0  # after a failure; the workers' sweep finds the rows meanwhile
SOCKET_TIMEOUT_S = 2.0  # a frozen Redis would else hold the relay for good

TASKS = {"plan": "occam.plan", "claim": "occam.claim"}  # topic -> task; each takes a job's id
QUEUES = {device: f"occam.{device}" for device in ("auto", "cpu", "cuda")}

Ring = Callable[[str, str, str], None]  # topic, job id, device class


def silent(topic: str, job_id: str, device: str) -> None:
    """The bell of the embedded service: workers poll."""


def bell(broker_url: str | None) -> Ring:
    """The ring for this broker; silent when there is none."""
    if broker_url is None:
        return silent
    app = celery_app(broker_url)

    def ring(topic: str, job_id: str, device: str) -> None:
        app.send_task(TASKS[topic], args=[job_id], queue=QUEUES[device], retry=False)

    return ring


def celery_app(broker_url: str) -> Any:  # Any: celery has no types
    """Celery as both sides use it: JSON only, early acknowledgement, no results, short waits."""
    app = Celery("occam", broker=broker_url)
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=False,
        task_default_queue=QUEUES["auto"],
        worker_prefetch_multiplier=1,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=SOCKET_TIMEOUT_S,
        broker_transport_options={
            "socket_timeout": SOCKET_TIMEOUT_S,
            "socket_connect_timeout": SOCKET_TIMEOUT_S,
            "max_retries": 0,
        },
    )
    return app


def queues_of(device: str) -> list[str]:
    """The queues that a worker on this device listens to."""
    return [QUEUES["auto"], QUEUES[device]] if device != "auto" else list(QUEUES.values())


class Relay:
    """A thread that pays the outbox: calls `pay` (see `core.store.outbox.relay`) until stopped.

    `pay` returns how many wake-ups it paid, and raises when the broker or the database is away;
    `on_error` hears of it, and the thread goes on after a while.
    """

    def __init__(self, pay: Callable[[], int], on_error: Callable[[Exception], None]) -> None:
        self._pay = pay
        self._on_error = on_error
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="relay", daemon=True)

    def start(self) -> None:
        """Begin; once."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End; a ring that hangs is left behind, since its row is not yet forgotten."""
        self._stopped.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopped.wait(wait_s):
            try:
                wait_s = 0.0 if self._pay() else RELAY_EVERY_S
            except Exception as error:  # whatever a broker's client raises, the relay lives on
                self._on_error(error)
                wait_s = RELAY_BACKOFF_S
