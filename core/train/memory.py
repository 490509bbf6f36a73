"""Memory that does not suffice: how it shows, and from where a cohort then goes on."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Literal

import torch

from core.train.trainer import Trainer

# How those say it that raise a plain RuntimeError: allocators, CUDA's libraries, safetensors.
ON_DEVICE = ("CUDA error: out of memory", "CUDA out of memory", "_STATUS_ALLOC_FAILED")
ON_HOST = (
    "DefaultCPUAllocator",
    "can't allocate memory",
    "std::bad_alloc",
    f"(os error {errno.ENOMEM})",
)


def out_of_memory(error: BaseException) -> Literal["device", "host"] | None:
    """Which of them refused memory; None where the error is another."""
    words = str(error)
    if isinstance(error, torch.OutOfMemoryError) or any(said in words for said in ON_DEVICE):
        return "device"
    if isinstance(error, MemoryError) or any(said in words for said in ON_HOST):
        return "host"
    return "host" if isinstance(error, OSError) and error.errno == errno.ENOMEM else None


class Newest:
    """The newest snapshot that somebody had written, under a name of our own.

    So that it is there when memory runs out, whatever became of the file that was asked for.
    """

    def __init__(self, folder: Path, resume: Path | None) -> None:
        self.path = resume
        self._ours = folder / "newest.safetensors"

    def write(self, trainer: Trainer, path: Path) -> None:
        """Write a snapshot to `path`, whose bytes nobody may change."""
        trainer.write_checkpoint(path)
        draft = self._ours.with_suffix(".draft")
        try:
            _link(path, draft)
            draft.replace(self._ours)
        except OSError:  # no room for a second one: the one before is older, and as good
            draft.unlink(missing_ok=True)
        else:
            self.path = self._ours


def _link(path: Path, other: Path) -> None:
    """The same file under another name; where they lie on two file systems, a copy."""
    try:
        os.link(path, other)
    except OSError:
        shutil.copyfile(path, other)
