"""Versions of what is installed, read without importing it."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version

UNKNOWN = "unknown"  # run from a checkout that was not installed


@cache
def version_of(name: str) -> str:
    """The installed version of a distribution."""
    try:
        return version(name)
    except PackageNotFoundError:
        return UNKNOWN
