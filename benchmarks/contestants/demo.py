"""The demonstration's 270 models (examples/jobs/compare.json), both ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.contestants.occam_service import from_post_to_report, service
from benchmarks.contestants.plain_pytorch import Penalty, fit, minibatches
from benchmarks.task import diabetes_folds

BODY = Path(__file__).parents[2] / "examples" / "jobs" / "compare.json"
FOLDS, REPEATS = 5, 2
LR = 0.02


@contextmanager
def plain(epochs: int) -> Iterator[Callable[[], float]]:
    """One model after another: 27 settings, each in five folds, twice."""
    parts = diabetes_folds(FOLDS, REPEATS)

    def score(penalty: Penalty) -> float:
        return fmean(
            fit(data, penalty, minibatches(data), epochs=epochs, seed=seed, lr=LR)
            for seed, data in enumerate(parts)
        )

    yield lambda: max(score(penalty) for penalty in settings())


@contextmanager
def through_the_service(epochs: int) -> Iterator[Callable[[], float]]:
    """POST, wait, GET the report, on a service that has trained something before."""
    with service() as client:
        client.wait(
            client.submit({**body(epochs), "folds": 1, "repeats": 1, "epochs": 1}), check=True
        )
        yield lambda: from_post_to_report(client, body(epochs))


def body(epochs: int) -> dict[str, Any]:
    """The job. Any: JSON."""
    return {**json.loads(BODY.read_text(encoding="utf-8")), "epochs": epochs}


def settings() -> list[Penalty]:
    """The same settings as in the job, for the plain loop."""
    elastic = np.logspace(-4, -1, 6)
    return [
        Penalty(),
        *(Penalty(l1=float(lam)) for lam in np.logspace(-4, -1, 8)),
        *(Penalty(l2=float(lam)) for lam in np.logspace(-3, 0, 8)),
        *(Penalty(l1=0.5 * float(lam), l2=0.5 * float(lam)) for lam in elastic),
        *(Penalty(dropout=p) for p in (0.1, 0.3, 0.5, 0.7)),
    ]
