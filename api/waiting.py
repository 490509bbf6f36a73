"""Why a job does not start: no worker that was seen lately trains on its device."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.orm import Session

from core.store import models, workers
from core.store.sweep import WORKER_ALIVE_S


def served_for(session: Session, rows: Iterable[models.Job]) -> frozenset[str]:
    """The devices served now; not asked for where no job waits."""
    waits = any(row.status == "queued" for row in rows)
    return workers.served(session, WORKER_ALIVE_S) if waits else frozenset()


def waiting_for(device: str, served: frozenset[str]) -> str | None:
    """Why a job for this device would not start now, and the remedy; None where it would."""
    if device in served:
        return None
    if not served:
        return (
            f"No worker was seen within {WORKER_ALIVE_S:g} s; start one with `occam worker`, and"
            " it takes the job."
        )
    return (
        f'No worker serves device "{device}", and the job waits until one does; start one where'
        f' there is such a device, or post the job with "device": "auto".'
    )
