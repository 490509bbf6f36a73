"""The training loop, the only one: every run of a cohort, step by step, together.

J_r = mean_b loss[r, b] + sum_k lambda[r, k] penalty_k(w_r). Nothing reduces over runs but the sum
just before the backward pass, so a run that diverges leaves its neighbours bit-identical.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from core.datasets import Dataset
from core.train.cohort import Cohort
from core.train.events import Event, Finished, Snapshot
from core.train.trainer import Trainer


def train(
    cohort: Cohort,
    dataset: Dataset,
    *,
    device: str = "cpu",
    resume: Path | None = None,
    control: Callable[[], str | None] = lambda: None,
    snapshot_every_s: float = math.inf,
) -> Iterator[Event]:
    """Train a cohort, saying what happens.

    `resume` continues from a checkpoint, bit for bit on the same device kind. `control` is asked
    between steps: "cancel" ends at once; "pause" ends after a Snapshot at the epoch's end. When
    memory runs out the cohort starts over in halves, which take turns at every epoch, then in
    quarters; what was said already is not said again.
    """
    where = torch.device(device)
    parts, logged, snapshot_at = 1, 0, time.monotonic()
    trainer = _start(cohort, dataset, where, parts, resume)
    while not trainer.finished:
        try:
            if not trainer.run_epoch(lambda: control() == "cancel"):
                return
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or parts >= len(cohort.runs):
                raise
            parts *= 2
        else:
            events = list(trainer.log())
            if trainer.epoch > logged:  # else said before memory ran out
                yield from events
                logged = trainer.epoch
            wish = control()
            if wish == "cancel":
                return
            due = time.monotonic() - snapshot_at >= snapshot_every_s
            if not trainer.finished and (wish == "pause" or due):
                yield Snapshot(trainer.epoch, trainer.write_checkpoint)
                snapshot_at = time.monotonic()
                if wish == "pause":
                    return
            continue
        # Outside the handler, whose traceback would keep the failed epoch's tensors alive.
        del trainer
        trainer = _start(cohort, dataset, where, parts, resume)
    yield _finish(trainer)


def _finish(trainer: Trainer) -> Finished:
    """Score in as many turns as memory asks for."""
    while True:
        try:
            return trainer.finish()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error) or trainer.parts >= len(trainer.cohort.runs):
                raise
        trainer.parts *= 2


def out_of_memory(error: BaseException) -> bool:
    """Whether the device or the host refused memory."""
    words = str(error)
    return (
        isinstance(error, torch.OutOfMemoryError | MemoryError)
        or "DefaultCPUAllocator" in words  # "can't allocate memory", "not enough memory"
        or "std::bad_alloc" in words
    )


def _start(
    cohort: Cohort, dataset: Dataset, device: torch.device, parts: int, resume: Path | None
) -> Trainer:
    """A trainer whose runs take turns in so many parts, from the start or a checkpoint."""
    if device.type == "cuda":
        torch.cuda.empty_cache()
    trainer = Trainer(cohort, dataset, device, parts)
    if resume is not None:
        trainer.restore(resume)
    return trainer
