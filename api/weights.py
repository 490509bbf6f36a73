"""One run's weights, cut from the stacked file of its cohort without reading the others'."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from core.errors import NotFound

Which = Literal["best", "last", "reported"]
MEDIA_TYPE = "application/vnd.safetensors"


@dataclass(frozen=True)
class Weights:
    """A safetensors file in memory."""

    content: bytes
    filename: str

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.content).hexdigest()[:32]}"'


def weights_of(path: Path, *, run_id: str, row: int, which: Which) -> Weights:
    """Row `row` of every tensor `<which>/<name>` in the file, as a file of its own.

    Raises NotFound when the file holds no such weights.
    """
    tensors = row_of(path, row, prefix=f"{which}/")
    if not tensors:
        raise NotFound(f"Run {run_id!r} has no {which} weights.")
    metadata = {"format": "pt", "run": run_id, "which": which}
    return Weights(save(tensors, metadata=metadata), f"{run_id}-{which}.safetensors")


def row_of(path: Path, row: int, *, prefix: str) -> dict[str, np.ndarray]:
    """The tensors of one run by their names without the prefix; their run axis is gone."""
    found = rows_of(path, [row], prefix=prefix)
    return {name: np.ascontiguousarray(value[0]) for name, value in found.items()}


def rows_of(path: Path, rows: Sequence[int], *, prefix: str) -> dict[str, np.ndarray]:
    """The tensors of some runs, in this order, by their names without the prefix."""
    found: dict[str, np.ndarray] = {}
    with safe_open(path, framework="numpy") as stacked:
        for name in stacked.keys():  # noqa: SIM118 - a safetensors file is no mapping
            if name.startswith(prefix):
                part = stacked.get_slice(name)
                found[name.removeprefix(prefix)] = np.concatenate([part[r : r + 1] for r in rows])
    return found
