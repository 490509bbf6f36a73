"""Checkpoints: one safetensors file per cohort, stacked; one row of it can be read alone."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file


def write(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """Tensors on the host, contiguous, by name."""
    save_file({n: v.contiguous() for n, v in tensors.items()}, path)


def read(path: Path) -> dict[str, torch.Tensor]:
    return load_file(path)


def read_row(path: Path, name: str, row: int) -> torch.Tensor:
    """Row `row` of tensor `name`, without reading the others."""
    with safe_open(path, framework="pt") as opened:
        found: torch.Tensor = opened.get_slice(name)[row]
        return found
