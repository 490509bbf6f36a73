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
from core.train.events import Event, Snapshot
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
    between steps: "cancel" ends at once; "pause" ends after a Snapshot at the epoch's end.
    """
    trainer = Trainer(cohort, dataset, torch.device(device))
    if resume is not None:
        trainer.restore(resume)
    snapshot_at = time.monotonic()
    while not trainer.finished:
        if not trainer.run_epoch(lambda: control() == "cancel"):
            return
        yield from trainer.log()
        wish = control()
        if wish == "cancel":
            return
        due = time.monotonic() - snapshot_at >= snapshot_every_s
        if not trainer.finished and (wish == "pause" or due):
            yield Snapshot(trainer.epoch, trainer.write_checkpoint)
            snapshot_at = time.monotonic()
            if wish == "pause":
                return
    yield trainer.finish()
