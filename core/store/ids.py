"""Identifiers: a prefix that names the noun, then a ULID: sortable by time, 80 random bits."""

from __future__ import annotations

from typing import Literal

from ulid import ULID

Prefix = Literal["job", "run", "coh", "ckp", "ds", "wrk"]


def new_id(prefix: Prefix) -> str:
    """`job_01k…`, 26 characters after the prefix; rising within one process."""
    return f"{prefix}_{str(ULID()).lower()}"
