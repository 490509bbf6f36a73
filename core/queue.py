"""The bell: tells workers that rows wait. The rows are the truth; every ring may be lost.

A ring is a Celery message with an id and nothing else. Without a broker, or while it is away, the
database's own bells do (`core.store.bells`). Publishing may hang for as long as a broker does, so
it is never done inside a request: a thread pays the outbox (`core.store.outbox.relay`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery

from core.settings import Settings

SOCKET_TIMEOUT_S = 2.0  # a frozen Redis would else hold the relay for good
WAIT_S = 10.0  # one question of a resting consumer; a message answers it at once

TASKS = {"plan": "occam.plan", "claim": "occam.claim"}  # topic -> task; each takes a job's id
QUEUES = {device: f"occam.{device}" for device in ("auto", "cpu", "cuda")}

Ring = Callable[[str, str, str], None]  # topic, job id, device class


def ringer(settings: Settings) -> Ring | None:
    """The bell of a cluster; None where there is no broker."""
    if settings.broker_url is None:
        return None
    app = celery_app(settings.broker_url)

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
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_timeout=SOCKET_TIMEOUT_S,
        broker_transport_options={
            "socket_timeout": SOCKET_TIMEOUT_S,
            "socket_connect_timeout": SOCKET_TIMEOUT_S,
            "max_retries": 0,
            "polling_interval": WAIT_S,
        },
    )
    return app


def queues_of(device: str) -> list[str]:
    """The queues that a worker on this device listens to."""
    return [QUEUES["auto"], QUEUES[device]] if device != "auto" else list(QUEUES.values())
