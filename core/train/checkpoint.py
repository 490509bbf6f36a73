"""Checkpoints: one safetensors file per cohort, stacked, so that one row can be cut out alone."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def write(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Tensors on the host, contiguous, by name."""
    save_file({n: v.contiguous() for n, v in tensors.items()}, path)


def read(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)
