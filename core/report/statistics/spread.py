"""How far a mean over tested rows may lie from what new rows and new training would show.

    se² = rows + luck + training

rows: variance over rows of a row's mean over passes, per row. A row is one observation however
often it was tested. (Rows that belong together count as one.)

luck: what that variance cannot see. A row that is easy to predict for an arm is also good to train
on for it, and each row trains the models that test the others, so the rows' scores hang together;
no estimate from one cross-validation sees it (Bengio and Grandvalet 2004, No Unbiased Estimator of
the Variance of K-Fold Cross-Validation). It is a share of the variance of a single pass, which no
number of repeats lowers: they average training's noise away, never the luck of the sample.
Measured (docs/statistics.md), the share is ONE_PASS. From several passes it is known better, since
only what differs between rows in every training alike can hang together: BASE + SLOPE · (covariance
of a row's scores between passes) / (their variance), at most MOST_LUCK.

training: variance of the mean with folds as units, beyond that with rows as units: what is common
to all rows that one model tests. On a single held-out part, passes (seeds) take the place of folds,
and luck is nil, since no row that tests trains.

What training may add beyond what folds show of it, and what follows for an interval, is in
`training` and `interval`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.report.statistics.replicates import Array
from core.report.statistics.scored import Integers, Scored

ONE_PASS = 0.35
BASE, SLOPE, MOST_LUCK = 0.15, 1.2, 0.55
CREDIT = 0.5  # of a seed's variance, what rows may explain: three seeds know too little for all
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Spread:
    """Of each contrast (C,): mean, number of rows, and the parts of se².

    mean is NaN where nothing was scored. training: the estimate, no less than nil.
    single: variance over rows had there been one pass; shared: the part of it that every pass
    shows alike, NaN unless passes are several. apart: variance of one pass's mean with trainings
    as units, with training_df, of which rows explain `explained`; `times` passes average it.
    usual: variance of one pass's mean with rows as units; nil where nothing tells of training.
    rows_df: of rows and luck.
    """

    mean: Array
    n: Integers
    rows: Array
    luck: Array
    training: Array
    single: Array
    shared: Array
    apart: Array
    explained: Array
    usual: Array
    times: Array
    rows_df: Array
    training_df: float


def spread(value_CPN: Array, scored: Scored) -> Spread:
    """Mean and error of each of C series of values over passes and rows."""
    there_CPN = np.isfinite(value_CPN)
    value_CPN = np.where(there_CPN, value_CPN, 0.0)
    row_CN, tested_CN = _over_passes(value_CPN, there_CPN)
    n_C = tested_CN.sum(axis=1)
    mean_C = _ratio(row_CN.sum(axis=1), n_C)
    rows_C, rows_df_C = _over_rows(row_CN, tested_CN, scored)
    single_C, shared_C = _of_one_pass(value_CPN, there_CPN, rows_C, scored)
    luck_C = luck(single_C, shared_C) if scored.folds > 1 else np.zeros_like(rows_C)
    apart_C, explained_C, usual_C, times_C, training_df = _trainings(
        value_CPN, there_CPN, single_C, single_C - shared_C, scored
    )
    training_C = np.maximum(apart_C - explained_C, 0.0) / times_C
    return Spread(
        mean=mean_C,
        n=n_C.astype(np.int64),
        rows=rows_C,
        luck=luck_C,
        training=training_C,
        single=single_C,
        shared=shared_C,
        apart=apart_C,
        explained=explained_C,
        usual=usual_C,
        times=times_C,
        rows_df=rows_df_C,
        training_df=training_df,
    )


def _over_passes(value_CPN: Array, there_CPN: Mask) -> tuple[Array, Mask]:
    count_CN = there_CPN.sum(axis=1)
    return value_CPN.sum(axis=1) / np.maximum(count_CN, 1), count_CN > 0


def _over_rows(row_CN: Array, tested_CN: Mask, scored: Scored) -> tuple[Array, Array]:
    """(C,) variance of the mean with rows, or clusters of them, as units; and its df."""
    n_C = tested_CN.sum(axis=1)
    mean_C = np.nan_to_num(_ratio((row_CN * tested_CN).sum(axis=1), n_C))
    deviation_CN = np.where(tested_CN, row_CN - mean_C[:, None], 0.0)
    sum_CU, units_C = deviation_CN, n_C
    if scored.cluster_N is not None:
        sum_CU = clustered(deviation_CN, scored.cluster_N)
        units_C = (clustered(tested_CN.astype(np.float64), scored.cluster_N) > 0).sum(axis=1)
    return _sandwich(sum_CU, units_C, n_C)


def luck(single_C: Array, shared_C: Array) -> Array:
    """(C,) what the variance over rows cannot see, from one pass (shared NaN) or from several."""
    several = np.minimum(BASE * single_C + SLOPE * shared_C, MOST_LUCK * single_C)
    return np.where(np.isnan(shared_C), ONE_PASS * single_C, several)


def clustered(value_CN: Array, cluster_N: Integers) -> Array:
    """(C, U) sums over the rows of each cluster."""
    order = np.argsort(cluster_N, kind="stable")
    starts = np.flatnonzero(np.diff(cluster_N[order], prepend=cluster_N.min() - 1))
    summed: Array = np.add.reduceat(value_CN[:, order], starts, axis=1)
    return summed


def _sandwich(sum_CU: Array, units_C: Integers, n_C: Integers) -> tuple[Array, Array]:
    """Variance of a mean of n rows from the sums of deviations in its units, and its df.

    An error is as uncertain as the squares it is made of are uneven: df is the number of equal
    squares that would be as uneven, (sum of squares)² / (sum of fourth powers), at most u - 1. Of
    rows that are right or wrong these are the rows that differ, with which t says what McNemar's
    exact test says.
    """
    square_CU = sum_CU * sum_CU
    total_C = square_CU.sum(axis=1)
    units_C = np.maximum(units_C, 2)
    variance_C = total_C * units_C / (units_C - 1) / np.maximum(n_C, 1) ** 2
    uneven_C = (square_CU * square_CU).sum(axis=1)
    alike_C = np.where(
        uneven_C > 0, total_C * total_C / np.where(uneven_C > 0, uneven_C, 1), np.inf
    )
    return variance_C, np.minimum(alike_C, units_C - 1)


def _of_one_pass(
    value_CPN: Array, there_CPN: Mask, rows_C: Array, scored: Scored
) -> tuple[Array, Array]:
    """(C,) variance of the mean had there been one pass, and covariance between passes.

    From rows = (single + (P - 1) · shared) / P. One pass: the covariance is NaN.
    """
    if value_CPN.shape[1] == 1:
        return rows_C, np.full_like(rows_C, np.nan)
    n_CP = there_CPN.sum(axis=2)
    n_C = there_CPN.any(axis=1).sum(axis=1)
    singles = [
        _over_rows(value_CPN[:, p], there_CPN[:, p], scored)[0] * _ratio(n_CP[:, p], n_C)
        for p in range(value_CPN.shape[1])
    ]
    used_CP = n_CP > 1
    single_C = _ratio((np.stack(singles, axis=1) * used_CP).sum(axis=1), used_CP.sum(axis=1))
    passes_C = _ratio(n_CP.sum(axis=1), n_C)  # a mean where some runs are missing
    several = passes_C > 1
    shared_C = (passes_C * rows_C - single_C) / np.where(several, passes_C - 1, np.nan)
    return single_C, np.clip(shared_C, 0.0, single_C)


def _trainings(
    value_CPN: Array, there_CPN: Mask, single_C: Array, noise_C: Array, scored: Scored
) -> tuple[Array, Array, Array, Array, float]:
    """(C,) variance of one pass's mean with trainings as units, what of it rows explain, the
    variance with rows as units, how many passes average it, and its df.

    single_C: variance of one pass's mean over rows. noise_C: what of it the rows' changes from pass
    to pass explain.
    """
    if scored.folds <= 1:
        return _between_passes(value_CPN, there_CPN, single_C, noise_C)
    apart, explained = [], []
    repeats = np.unique(scored.repeat_P)
    for repeat in repeats:
        mine_P = scored.repeat_P == repeat
        row_CN, tested_CN = _over_passes(value_CPN[:, mine_P], there_CPN[:, mine_P])
        fold_N = scored.fold_PN[mine_P].max(axis=0)
        n_C = tested_CN.sum(axis=1)
        mean_C = np.nan_to_num(_ratio(row_CN.sum(axis=1), n_C))
        deviation_CN = np.where(tested_CN, row_CN - mean_C[:, None], 0.0)
        fold_NK = (fold_N[:, None] == np.arange(scored.folds)).astype(np.float64)
        folds_C = (tested_CN @ fold_NK > 0).sum(axis=1)
        by_fold_C, _ = _sandwich(deviation_CN @ fold_NK, folds_C, n_C)
        by_row_C, _ = _over_rows(row_CN, tested_CN, scored)
        apart.append(np.where(folds_C > 1, by_fold_C, 0.0))
        explained.append(np.where(folds_C > 1, by_row_C, 0.0))
    times_C = np.full(len(value_CPN), float(len(repeats)))
    df = float((scored.folds - 1) * len(repeats))
    explained_C = np.mean(explained, axis=0)
    return np.mean(apart, axis=0), explained_C, explained_C, times_C, df


def _between_passes(
    value_CPN: Array, there_CPN: Mask, single_C: Array, noise_C: Array
) -> tuple[Array, Array, Array, Array, float]:
    """As _trainings, where every pass tests the same held-out rows."""
    n_CP = there_CPN.sum(axis=2)
    mean_CP = _ratio(value_CPN.sum(axis=2), n_CP)
    passes_C = (n_CP > 0).sum(axis=1)
    center_C = _ratio(np.nan_to_num(mean_CP).sum(axis=1), passes_C)
    squares_C = np.nansum((mean_CP - center_C[:, None]) ** 2, axis=1)
    several = passes_C > 1
    apart_C = np.where(several, squares_C / np.maximum(passes_C - 1, 1), 0.0)
    explained_C = np.where(several, CREDIT * np.nan_to_num(noise_C), 0.0)
    usual_C = np.where(several, np.nan_to_num(single_C), 0.0)
    times_C = np.maximum(passes_C, 1).astype(np.float64)
    return apart_C, explained_C, usual_C, times_C, float(max(mean_CP.shape[1] - 1, 1))


def _ratio(numerator: Array, denominator: Array | Integers) -> Array:
    """NaN where nothing is divided by."""
    there = denominator != 0
    return np.where(there, numerator / np.where(there, denominator, 1), np.nan)
