"""One bar for many contrasts: the largest of them, drawn as often as it takes.

A multiplier bootstrap of rows with normal multipliers (Chernozhukov, Chetverikov and Kato 2013):
given the rows, the bootstrapped means are exactly normal with the rows' covariance, so they are
drawn from that. Adjusted p and intervals come from the same draws, single-step, and each contrast
keeps its own degrees of freedom: its t is first brought to the normal scale by its own p.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.report.statistics.replicates import ALPHA, Array

DRAWS = 20_000  # p = 0.05 is then known to within 0.003
ALIKE = 1e-6  # of the largest deviation: arms whose rows differ by less differ by rounding alone
Pair = tuple[int, int]
Pairs = Sequence[Pair]


@dataclass(frozen=True)
class Bar:
    """Sorted largest |z| of a family of `size` contrasts."""

    largest: Array
    size: int

    def adjusted(self, p_C: Array) -> Array:
        """p of the family: not below its own, nor above Bonferroni's."""
        from scipy.special import ndtri  # late: it takes a tenth of a second to import

        if self.size < 2:
            return p_C
        z = -ndtri(np.clip(p_C, 1e-300, 1.0) / 2)
        above = len(self.largest) - np.searchsorted(self.largest, z, side="left")
        drawn = (above + 1) / (len(self.largest) + 1)
        adjusted = np.maximum(p_C, np.minimum(drawn, np.minimum(self.size * p_C, 1.0)))
        return np.where(np.isnan(p_C), np.nan, adjusted)

    def level(self) -> float:
        """p below which a contrast's adjusted p is below ALPHA."""
        from scipy.special import ndtr

        if self.size < 2:
            return ALPHA
        allowed = int(np.floor(ALPHA * (len(self.largest) + 1))) - 1
        drawn = 2 * float(ndtr(-self.largest[len(self.largest) - 1 - allowed]))
        return float(np.clip(drawn, ALPHA / self.size, ALPHA))


def bar(centred_AN: Array, family: Pairs) -> Bar:
    """Of the contrasts a - b of a family, from the rows' deviations (0 where a row lacks)."""
    arms, rows = centred_AN.shape
    a, b = np.array(family, dtype=np.int64).reshape(-1, 2).T
    if len(family) < 2:
        return Bar(np.zeros(0), len(family))
    root = _root(centred_AN @ centred_AN.T)
    error = np.sqrt(((root[a] - root[b]) ** 2).sum(axis=1))
    moving = error > ALIKE * np.sqrt((centred_AN**2).sum(axis=1)).max(initial=0.0)
    a, b, error = a[moving], b[moving], error[moving]
    rng = np.random.default_rng([arms, rows, len(family)])
    drawn_AB = root @ rng.standard_normal((root.shape[1], DRAWS))
    largest = np.zeros(DRAWS)
    for first, second, scale in zip(a, b, error, strict=True):
        np.maximum(largest, np.abs(drawn_AB[first] - drawn_AB[second]) / scale, out=largest)
    return Bar(np.sort(largest), max(int(moving.sum()), 1))


def _root(covariance_AA: Array) -> Array:
    values, vectors = np.linalg.eigh(covariance_AA)
    root: Array = vectors * np.sqrt(np.clip(values, 0.0, None))
    return root
