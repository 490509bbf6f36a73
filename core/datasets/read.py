"""What a reader of uploads makes of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from core.datasets.source import Dataset


@dataclass(frozen=True, eq=False)
class Read:
    """A dataset whose identity is not known yet, and what its owner should know."""

    dataset: Dataset
    warnings: tuple[str, ...]
    told: Mapping[str, object]  # what was taken, of all that the spec may say
