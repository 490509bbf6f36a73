"""The status machine, in one place. What is final never changes again.

job     queued → running → succeeded | failed | cancelled;  queued, running ⇄ paused
run     queued ⇄ running → succeeded | failed | cancelled
cohort  queued ⇄ running → succeeded | failed | cancelled;  queued, running ⇄ paused
"""

from __future__ import annotations

from typing import Literal

Status = Literal["queued", "running", "paused", "succeeded", "failed", "cancelled"]
Wanted = Literal["run", "pause", "cancel"]
Reason = Literal[
    "worker_lost",
    "oom_device",
    "oom_host",
    "diverged",
    "deadline",
    "dataset_changed",
    "invalid_split",
    "disk_full",
    "trainer_crashed",
    "internal",
]

STATUSES: tuple[Status, ...] = (
    "queued",
    "running",
    "paused",
    "succeeded",
    "failed",
    "cancelled",
)
FINAL: tuple[Status, ...] = ("succeeded", "failed", "cancelled")
WAITING: tuple[Status, ...] = ("queued", "paused")

_TITLES: dict[Reason, str] = {
    "worker_lost": "The worker was lost",
    "oom_device": "The device ran out of memory",
    "oom_host": "The host ran out of memory",
    "diverged": "Every run diverged",
    "deadline": "The deadline passed",
    "dataset_changed": "The dataset is gone or has changed",
    "invalid_split": "The data cannot be split as asked",
    "disk_full": "The disk is full",
    "trainer_crashed": "The trainer crashed",
    "internal": "Internal error",
}


def is_final(status: str) -> bool:
    """Whether a job, run or cohort of this status is finished for good."""
    return status in FINAL


def problem(reason: Reason, detail: str) -> dict[str, str]:
    """The Problem stored beside a failed job, cohort or run; the wire adds what it likes."""
    return {"code": reason, "title": _TITLES[reason], "detail": detail}
