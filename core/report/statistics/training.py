"""What training may add to an error, as far as a few folds can tell.

That the means of K folds lie apart by `apart`, where rows explain `explained`, is a chi-square with
K - 1 degrees of freedom times (explained + training): of five folds, nothing is left over in 59 %
of cases where training adds nothing, and still in 39 % where it adds half of what rows explain.
What it may be is therefore a distribution: that likelihood, times a half-Cauchy of training's
deviation with SCALE deviations of rows' (Gelman 2006, Prior distributions for variance parameters
in hierarchical models; for few groups, Röver et al. 2021, On weakly informative prior distributions
for the heterogeneity parameter in Bayesian random-effects meta-analysis).

Axes: C contrast, G sizes that training may have, H what folds to come may show of it.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from core.report.statistics.replicates import Array

SCALE = 0.4
SIZES = 64  # to 10 digits up to a dozen repeats, and to 3 at fifty
DEVIATE_H = np.array([-1.3830, -0.6745, -0.2104, 0.2104, 0.6745, 1.3830])  # normal, (H + 1/2) / 6


def believed(apart_C: Array, explained_C: Array, usual_C: Array, df: float) -> tuple[Array, Array]:
    """(C, G) variances that training may add to one pass's mean, and their weights, sums 1.

    usual_C: variance of rows, the prior's unit. Nil where neither it nor folds give any.
    """
    prior_C1 = SCALE**2 * usual_C[:, None]
    width_C1 = np.sqrt(prior_C1 + np.maximum(apart_C - explained_C, 0.0)[:, None])
    moving_C1 = width_C1 > 0
    angle_G, step_G = _angles()
    deviation_CG = np.where(moving_C1, width_C1, 1.0) * np.tan(angle_G)
    variance_CG = deviation_CG**2
    whole_CG = variance_CG + explained_C[:, None]
    density_CG = step_G / np.cos(angle_G) ** 2 / (prior_C1 + variance_CG)
    log_CG = np.log(density_CG) - df / 2 * (np.log(whole_CG) + apart_C[:, None] / whole_CG)
    weight_CG = np.exp(log_CG - log_CG.max(axis=1, keepdims=True))
    weight_CG /= weight_CG.sum(axis=1, keepdims=True)
    return np.where(moving_C1, variance_CG, 0.0), weight_CG


def shown(apart: Array, df: Array) -> Array:
    """(..., H) what `df` folds may show of a variance: quantiles of chi-square / df, by Wilson and
    Hilferty's cube."""
    spread = 2 / (9 * df)
    found: Array = apart * np.maximum(1 - spread + DEVIATE_H * np.sqrt(spread), 0.0) ** 3
    return found


@cache
def _angles() -> tuple[Array, Array]:
    """Points and steps of Gauss and Legendre between 0 and a right angle."""
    point_G, step_G = np.polynomial.legendre.leggauss(SIZES)
    return np.pi / 4 * (point_G + 1), step_G
