"""A cohort: runs that train as one program, and the job they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.datasets.splits import Split
from core.spec import experiment_at
from core.spec.experiment import Experiment


@dataclass(frozen=True)
class Run:
    """One model: an arm at one setting, a seed and a fold."""

    experiment: Experiment
    seed: int
    fold: int | None = None


@dataclass(frozen=True)
class Cohort:
    """Runs in row order; seeds and folds are the whole job's, since they fix the splits."""

    runs: tuple[Run, ...]
    seeds: tuple[int, ...]
    folds: int | None
    split: Split
    standardize: bool
    metric: str  # by which the best epoch is kept, e.g. val_accuracy

    @classmethod
    def of(
        cls,
        document: Mapping[str, Any],  # Any: JSON, the resolved specification
        members: Iterable[tuple[str, Mapping[str, float], int, int | None]],
    ) -> Cohort:
        """From a resolved document and (arm, setting, seed, fold) of each row."""
        runs = tuple(
            Run(experiment_at(document, arm, setting), seed, fold)
            for arm, setting, seed, fold in members
        )
        return cls(
            runs=runs,
            seeds=tuple(document["seeds"]),
            folds=document["folds"],
            split=Split.model_validate(document["split"]),
            standardize=document["standardize"],
            metric=document["select"]["metric"],
        )
