"""From the parts of an error to intervals and p.

Had training a known part, mean ± error would be a t with the degrees of freedom of rows. It has
not, so the error is the mixture of these over all that training may add (`training.believed`): an
interval at a level holds all but that share of the mixture, and p is its tail beyond the mean. Both
are exact, so that they never contradict each other.

Axes: C contrast, G sizes that training may have.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from core.report.statistics.replicates import ALPHA, Array
from core.report.statistics.spread import Spread
from core.report.statistics.training import believed

STEPS = 60  # of Newton; about five do
CLOSE = 1e-7  # of a step's logarithm: what is then left is its square
LEAST = 1e-300  # tails that underflow
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Error:
    """Of each contrast: deviation_CG: standard error had training that size, of weight_CG; all
    zero where nothing varies. df_C: of rows; NaN where there is no error."""

    deviation_CG: Array
    weight_CG: Array
    df_C: Array

    @cached_property
    def se(self) -> Array:
        """(C,) the error whose precision is the mean precision: of a mixture that is itself a t,
        its scale. NaN without an error."""
        moving_C = self._moving()
        precision_C = (self.weight_CG / self._above_zero() ** 2).sum(axis=1)
        found: Array = np.where(moving_C, precision_C**-0.5, 0.0)
        return np.where(np.isnan(self.df_C), np.nan, found)

    @cached_property
    def half(self) -> Array:
        """(C,) of the 95 % interval."""
        return self.reach(ALPHA)

    @cached_property
    def degrees(self) -> Array:
        """(C,) of the t that, times se, gives the 95 % interval; 0 without an error."""
        from scipy.special import stdtridf, stdtrit  # late: it takes a tenth of a second to import

        sure, se_C = 1 - ALPHA / 2, self.se
        own_C = stdtrit(self.df_C, sure)
        quantile_C = self.half / np.where(se_C > 0, se_C, 1.0)
        mixed_C = quantile_C > own_C * (1 + 1e-9)
        found_C = stdtridf(sure, np.where(mixed_C, quantile_C, 2.0))
        return np.nan_to_num(np.where(mixed_C, found_C, self.df_C))

    def p_of(self, mean_C: Array) -> Array:
        """(C,) probability of an error as large as the mean; 1 where nothing varies."""
        return np.where(self._moving(), self._tail(np.abs(mean_C))[0], 1.0 + 0.0 * self.df_C)

    def reach(self, level: float) -> Array:
        """(C,) what errors exceed with the probability of `level`: half of an interval.

        By Newton's method on the logarithms of both, within bounds that close in.
        """
        from scipy.special import stdtrit

        moving_C, quantile_C = self._moving(), stdtrit(self.df_C, 1 - level / 2)
        deviation_CG = self._above_zero()
        low_C, high_C = (
            np.log(quantile_C * end_C) for end_C in (deviation_CG.min(1), deviation_CG.max(1))
        )
        at_C = np.log(quantile_C * np.where(moving_C, self.se, 1.0))  # never beyond the answer
        for _ in range(STEPS):
            tail_C, slope_C = self._tail(np.exp(at_C))
            beyond_C = tail_C > level
            low_C, high_C = np.where(beyond_C, at_C, low_C), np.where(beyond_C, high_C, at_C)
            next_C = at_C + np.log(tail_C / level) * tail_C / (slope_C * np.exp(at_C))
            inside_C = (next_C >= low_C) & (next_C <= high_C)
            next_C = np.where(inside_C, next_C, (low_C + high_C) / 2)
            moved_C, at_C = np.abs(next_C - at_C), next_C
            if not (moved_C > CLOSE).any():
                break
        return np.where(moving_C, np.exp(at_C), 0.0 * self.df_C)

    def _tail(self, size_C: Array) -> tuple[Array, Array]:
        """(C,) probability beyond a size, to either side, and how fast it falls with it."""
        from scipy.special import betaln, stdtr

        df_C1, deviation_CG = self.df_C[:, None], self._above_zero()
        t_CG = size_C[:, None] / deviation_CG
        tail_C = 2 * (self.weight_CG * stdtr(df_C1, -t_CG)).sum(axis=1)
        log_CG = -(df_C1 + 1) / 2 * np.log1p(t_CG**2 / df_C1) - betaln(df_C1 / 2, 0.5)
        density_CG = np.exp(log_CG) / np.sqrt(df_C1)
        slope_C = 2 * (self.weight_CG * density_CG / deviation_CG).sum(axis=1)
        return np.maximum(tail_C, LEAST), np.maximum(slope_C, LEAST)

    def _moving(self) -> Mask:
        return self.deviation_CG[:, 0] > 0

    def _above_zero(self) -> Array:
        return np.where(self._moving()[:, None], self.deviation_CG, 1.0)


def error_of(found: Spread) -> Error:
    """Of means with these parts."""
    variance_CG, weight_CG = believed(found.apart, found.explained, found.usual, found.training_df)
    whole_CG = (found.rows + found.luck)[:, None] + variance_CG / found.times[:, None]
    return Error(np.sqrt(whole_CG), weight_CG, np.where(found.n > 1, found.rows_df, np.nan))
