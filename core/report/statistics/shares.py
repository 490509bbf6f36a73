"""Where the variance of an arm's scores comes from: is training stable?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.report.statistics.replicates import Array
from core.report.statistics.scored import Scored
from core.report.statistics.spread import spread


@dataclass(frozen=True)
class Shares:
    """Of each arm (A,): parts of the variance of a tested row's score; they sum to 1.

    seed: what changes when the same row is tested again by another training; nil from one pass,
    which cannot tell it from rows. fold: what rows tested by one model have in common. rows: what
    stays with the row. NaN where scores do not vary.
    """

    seed: Array
    fold: Array
    rows: Array


def variance_shares(scored: Scored) -> Shares:
    """Parts of the variance of single scores that seeds, folds and rows have."""
    found = spread(scored.score_APN, scored)
    total = found.single * found.n
    passes = len(scored.repeat_P)
    trainings = passes if scored.folds <= 1 else scored.folds * len(np.unique(scored.repeat_P))
    fold = np.minimum(found.training * trainings, total)
    seed = np.nan_to_num(found.single - found.shared) * found.n - fold
    moving = total > 0
    seed, fold = (
        np.where(moving, part / np.where(moving, total, 1.0), np.nan) for part in (seed, fold)
    )
    seed = np.clip(seed, 0, 1 - fold)
    return Shares(seed, fold, 1 - seed - fold)
