"""The training loop, the only one: every run of a cohort, step by step, together.

J_r = mean_b loss[r, b] + sum_k lambda[r, k] penalty_k(w_r). Nothing reduces over runs, forward or
back, so a run that diverges leaves its neighbours bit-identical.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from core.datasets import Dataset
from core.train.cohort import Cohort
from core.train.events import Event, Finished, Snapshot
from core.train.memory import Newest, out_of_memory
from core.train.trainer import Trainer

RUNS_PER_LANE_MIN = 32  # below this a lane spends more time in Python than in arithmetic
# Of one operation: 1 ms of one core. From there two cores are faster; below, they gain a fifth on
# an idle machine, and where another process wants one of them, each waits for the other: ten times
# slower (32 MLPs 64-64-10 beside one busy process: 0.5 s on one core, 5 s on two).
SHARED_FLOPS_MIN = 5e7


def train(
    cohort: Cohort,
    dataset: Dataset,
    *,
    device: str = "cpu",
    resume: Path | None = None,
    control: Callable[[], str | None] = lambda: None,
    snapshot_every_s: float = math.inf,
    rows_bytes_max: float = math.inf,
) -> Iterator[Event]:
    """Train a cohort, saying what happens.

    `resume` continues from a checkpoint, bit for bit on the same device kind. `control` is asked
    between steps: "cancel" ends at once, with the scores of what was trained if that is an epoch
    at least; "pause" ends after a Snapshot at the epoch's end. When memory runs out the cohort
    goes on from the newest Snapshot that was written, else from where it began, in halves that take
    turns at every epoch, then in quarters; what was said already is not said again. Row scores take
    `rows_bytes_max` at most.
    """
    where = torch.device(device)
    threads = torch.get_num_threads()
    lanes = lanes_for(len(cohort.runs), where, threads)
    try:
        with _exact_convolutions(), TemporaryDirectory(prefix="occam-") as folder:
            newest = Newest(Path(folder), resume)
            yield from _run(
                cohort, dataset, where, lanes, newest, control, snapshot_every_s, rows_bytes_max
            )
    finally:
        torch.set_num_threads(threads)


def _run(
    cohort: Cohort,
    dataset: Dataset,
    device: torch.device,
    lanes: int,
    newest: Newest,
    control: Callable[[], str | None],
    snapshot_every_s: float,
    rows_bytes_max: float,
) -> Iterator[Event]:
    logged, snapshot_at = 0, time.monotonic()
    trainer = _start(cohort, dataset, device, lanes, newest.path)
    while not trainer.finished:
        try:
            if not trainer.run_epoch(lambda: control() == "cancel"):
                yield from _cut(trainer, rows_bytes_max)
                return
        except Exception as error:
            parts = 2 * trainer.state.parts
            if not out_of_memory(error) or trainer.state.parts >= len(trainer.state.rows):
                raise
        else:
            events = list(trainer.log())
            if trainer.epoch > logged:  # else said before memory ran out
                yield from events
                logged = trainer.epoch
            wish = control()
            if wish == "cancel" and not trainer.finished:
                yield from _cut(trainer, rows_bytes_max)
                return
            due = time.monotonic() - snapshot_at >= snapshot_every_s
            if not trainer.finished and (wish == "pause" or due):
                yield Snapshot(trainer.epoch, partial(newest.write, trainer))
                snapshot_at = time.monotonic()
                if wish == "pause":
                    return
            continue
        # Outside the handler, whose traceback would keep the failed epoch's tensors alive.
        del trainer
        trainer = _start(cohort, dataset, device, 1, newest.path, parts)
    yield _finish(trainer, rows_bytes_max)


def _cut(trainer: Trainer, rows_bytes_max: float) -> Iterator[Finished]:
    """What a cancel leaves: nothing of a cohort that did not finish an epoch."""
    if trainer.epoch > 0:
        trainer.cut()
        yield replace(_finish(trainer, rows_bytes_max), cut=trainer.epoch)


def _exact_convolutions() -> AbstractContextManager[None]:
    """On CUDA: float32 products (TF32 is torch's default there) and the same bits every time."""
    flags: AbstractContextManager[None] = torch.backends.cudnn.flags(
        enabled=True, benchmark=False, deterministic=True, allow_tf32=False
    )
    return flags


def lanes_for(runs: int, device: torch.device, threads: int) -> int:
    """Blocks to train at the same time: one for each core, if there are runs enough for all.

    Small operations gain nothing from a second core: two blocks on a core each are faster.
    """
    return 1 if device.type != "cpu" else max(1, min(threads, runs // RUNS_PER_LANE_MIN))


def _finish(trainer: Trainer, rows_bytes_max: float) -> Finished:
    """Score in as many turns as memory asks for."""
    while True:
        try:
            return trainer.finish(rows_bytes_max)
        except Exception as error:
            if not out_of_memory(error) or trainer.state.parts >= len(trainer.cohort.runs):
                raise
        trainer.state.parts, trainer.lanes = 2 * trainer.state.parts, 1


def _start(
    cohort: Cohort,
    dataset: Dataset,
    device: torch.device,
    lanes: int,
    resume: Path | None,
    parts: int | None = None,
) -> Trainer:
    """A trainer from the start, or from a checkpoint.

    In as many parts as there are lanes, or as the checkpoint says; or in `parts`, whatever it says.
    """
    if device.type == "cuda":
        torch.cuda.empty_cache()
    trainer = Trainer(cohort, dataset, device, parts or lanes, lanes)
    if resume is not None:
        trainer.restore(resume)
    if parts is not None:
        trainer.state.parts = parts
    if trainer.state.parts > lanes:  # memory did not suffice for all, or there were more cores
        trainer.lanes = 1
    if lanes == 1 and device.type == "cpu" and trainer.operation_flops < SHARED_FLOPS_MIN:
        torch.set_num_threads(1)
    return trainer
