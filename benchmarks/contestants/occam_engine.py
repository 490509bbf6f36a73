"""Occam's engine alone: the job's cohorts, trained in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple

from benchmarks.task import Sweep
from core.datasets import Dataset
from core.plan import Shapes, plan
from core.spec import Limits, Resolved, experiment_at, resolve, runs_of
from core.spec.protocol import protocol_of
from core.train import Cohort, Epoch, train

MEMORY_BYTES = 2 * 2**30  # the service's default for one cohort


@contextmanager
def sweep(task: Sweep) -> Iterator[Callable[[], float]]:
    """All values of λ as one program."""
    resolved = resolve(task.body(), lambda source: source.facts(), Limits())
    dataset = resolved.spec.dataset.load()
    yield lambda: best_of(resolved, dataset)


def best_of(resolved: Resolved, dataset: Dataset) -> float:
    """Train every run of a job; returns the best validation accuracy that any logged."""
    best = 0.0
    for cohort in cohorts_of(resolved):
        for event in train(cohort, dataset):
            if isinstance(event, Epoch):
                best = max(best, *event.metrics["val_accuracy"])
    return best


def cohorts_of(resolved: Resolved) -> Iterator[Cohort]:
    """The job's cohorts, cut as a worker cuts them."""
    members = list(runs_of(resolved))
    experiments = [experiment_at(resolved.document, arm, setting) for arm, setting, _ in members]
    shapes = Shapes.of(resolved.facts, protocol_of(resolved.spec))
    for piece in plan(experiments, shapes, memory_bytes=MEMORY_BYTES):
        taken = (members[index] for index in piece.runs)
        yield Cohort.of(
            resolved.document, [(arm, setting, *astuple(place)) for arm, setting, place in taken]
        )
