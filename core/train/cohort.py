"""A cohort: runs that train as one program, and the job they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.datasets.splits import Protocol, Replicate
from core.spec import experiment_at
from core.spec.experiment import Experiment


@dataclass(frozen=True)
class Run:
    """One model: an arm at one setting, in one replicate."""

    experiment: Experiment
    replicate: Replicate


@dataclass(frozen=True)
class Cohort:
    """Runs in row order; the protocol is the whole job's, since it decides every run's parts."""

    runs: tuple[Run, ...]
    protocol: Protocol
    standardize: bool
    metric: str  # by which the best epoch is kept, e.g. val_accuracy

    @classmethod
    def of(
        cls,
        document: Mapping[str, Any],  # Any: JSON, the resolved specification
        members: Iterable[tuple[str, Mapping[str, float], int, int, int | None, int | None]],
    ) -> Cohort:
        """From a resolved document and (arm, setting, seed, repeat, fold, inner_fold) of each
        row."""
        runs = tuple(
            Run(experiment_at(document, arm, setting), Replicate(seed, repeat, fold, inner_fold))
            for arm, setting, seed, repeat, fold, inner_fold in members
        )
        return cls(
            runs=runs,
            protocol=Protocol.of(document),
            standardize=document["standardize"],
            metric=document["select"]["metric"],
        )
