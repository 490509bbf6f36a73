"""Scores of single rows: what every interval and test of a job is made of.

Axes: A arm, P pass, N row, C contrast, K fold. A pass is one (repeat, seed, inner fold): within it
every row is tested at most once. NaN: not tested there, or the run has no score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.report.statistics.replicates import Array

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Scored:
    """Score of every row in every pass, by arm.

    score_APN: float64, NaN where not tested or without a score.
    fold_PN: the outer fold that tested the row, -1 where not tested; one fold: a held-out part.
    repeat_P: passes of one repeat share its partition into folds.
    cluster_N: rows that belong together (and are drawn together); None: each row is its own.
    """

    score_APN: Array
    fold_PN: Integers
    repeat_P: Integers
    cluster_N: Integers | None = None

    def __post_init__(self) -> None:
        _, passes, rows = self.score_APN.shape
        assert self.fold_PN.shape == (passes, rows), (self.fold_PN.shape, self.score_APN.shape)
        assert self.repeat_P.shape == (passes,), (self.repeat_P.shape, self.score_APN.shape)
        assert self.cluster_N is None or self.cluster_N.shape == (rows,), self.cluster_N

    @property
    def folds(self) -> int:
        """Outer folds of one repeat; 1: a held-out part that every pass shares."""
        return int(self.fold_PN.max(initial=-1)) + 1
