"""Means over replicates: their intervals, and paired tests of them.

Axes: S setting, R replicate, P pair, U unit (what a test counts as one observation).
A missing value is NaN and takes no part.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

ALPHA = 0.05
FEWEST = 3  # below this a deviation says next to nothing: t with one degree of freedom
ROUNDING = 1e-12  # relative: a deviation below this is float noise, not variation


@dataclass(frozen=True)
class Summary:
    """Of each row: count, mean, sample deviation, standard error of the mean, and half width of
    the 95 % t-interval.

    mean is NaN where nothing is there; sd where fewer than two values are; error and half where
    fewer than two units are.
    """

    n: NDArray[np.int64]
    mean: Array
    sd: Array
    error: Array
    half: Array


def summarise(
    values_SR: Array,
    *,
    ratio: float = 0.0,
    alpha: float = ALPHA,
) -> Summary:
    """Mean ± t(n - 1) · sd · sqrt(1/n + ratio) of each row.

    ratio: test size over training size where the values share training data, else 0 (Nadeau and
    Bengio 2003, Inference for the Generalization Error, eq. 9: the variance of the mean of n
    overlapping replicates is about (1/n + ratio) · sd², not sd²/n).
    """
    n, mean, sd = moments(values_SR)
    error = np.where(n > 1, sd * np.sqrt(1 / np.maximum(n, 1) + ratio), np.nan)
    half = half_width(sd, n, ratio=ratio, alpha=alpha)
    return Summary(n=n, mean=mean, sd=sd, error=error, half=half)


def moments(values_SR: Array) -> tuple[NDArray[np.int64], Array, Array]:
    """Count, mean and sample deviation of each row, as in Summary."""
    there = np.isfinite(values_SR)
    n = there.sum(axis=1)
    mean = np.full(len(n), np.nan)
    np.divide(np.where(there, values_SR, 0.0).sum(axis=1), n, out=mean, where=n > 0)
    squares = np.where(there, values_SR - mean[:, None], 0.0) ** 2
    sd = np.full(len(n), np.nan)
    np.divide(squares.sum(axis=1), n - 1, out=sd, where=n > 1)
    sd = np.sqrt(sd)
    largest = np.where(there, np.abs(values_SR), 0.0).max(axis=1, initial=0.0)
    sd[sd <= ROUNDING * largest] = 0.0
    return n, mean, sd


def averages(values_SR: Array, unit_R: NDArray[np.int64]) -> Array:
    """(S, U) the mean of each unit's values, in the order of the units' numbers."""
    columns = [summarise(values_SR[:, unit_R == unit]).mean for unit in np.unique(unit_R)]
    return np.stack(columns, axis=1)


def half_width(
    sd: Array, n: NDArray[np.int64], *, ratio: float = 0.0, alpha: float = ALPHA
) -> Array:
    """Half of the t-interval of a mean; NaN below two values."""
    enough = n > 1
    safe = np.where(enough, n, 2)
    half = _t_quantile(1 - alpha / 2, safe - 1) * sd * np.sqrt(1 / safe + ratio)
    return np.where(enough, half, np.nan)


def two_sided_p(mean: Array, sd: Array, n: NDArray[np.int64], *, ratio: float = 0.0) -> Array:
    """p of a t-test of mean = 0; NaN below FEWEST values or where nothing varies."""
    from scipy.special import stdtr  # late, as in _t_quantile

    testable = (n >= FEWEST) & (sd > 0)
    error = np.where(testable, sd, 1.0) * np.sqrt(1 / np.maximum(n, 1) + ratio)
    p = 2 * stdtr(np.maximum(n - 1, 1), -np.abs(mean) / error)
    return np.where(testable, p, np.nan)


def _t_quantile(probability: float, degrees: NDArray[np.int64]) -> Array:
    # scipy.special takes a tenth of a second to import, and only a comparison needs it
    from scipy.special import stdtrit

    # few distinct degrees among thousands of rows, and each quantile costs microseconds
    distinct, where = np.unique(degrees, return_inverse=True)
    quantile: Array = stdtrit(distinct.astype(np.float64), probability)[where]
    return quantile
