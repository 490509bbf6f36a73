"""What training may add to an error, as far as a few folds can tell.

That the means of K folds lie apart by `apart`, where rows explain `explained`, is a chi-square with
K - 1 degrees of freedom times (explained + training): of five folds, nothing is left over in 59 %
of cases where training adds nothing, and still in 39 % where it adds half of what rows explain.
What it may be is therefore a distribution: that likelihood, times a half-Cauchy of training's
deviation with SCALE deviations of rows' (Gelman 2006, Prior distributions for variance parameters
in hierarchical models; for few groups, Röver et al. 2021, On weakly informative prior distributions
for the heterogeneity parameter in Bayesian random-effects meta-analysis).

Axes: G sizes that training's part may have, H what folds to come may show of it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from core.report.statistics.replicates import Array
from core.report.statistics.spread import Spread

SCALE = 0.5
SIZES = 40  # quantiles of the prior
SHOWN = 6  # quantiles of a chi-square
DEVIATE_H = np.array([-1.3830, -0.6745, -0.2104, 0.2104, 0.6745, 1.3830])  # normal, (H + 1/2) / 6


@dataclass(frozen=True)
class Belief:
    """training_G: variance of the mean that training may add, equal in number, weight_G each.

    apart_G: variance of one pass's mean with trainings as units that then is to be expected.
    times: passes that the mean averages.
    """

    training_G: Array
    weight_G: Array
    apart_G: Array
    times: float

    def steady(self) -> Belief:
        """As if training added nothing."""
        nil = np.zeros(1)
        explained = self.apart_G - self.times * self.training_G
        return replace(self, training_G=nil, weight_G=np.ones(1), apart_G=explained[:1])

    def mean(self, value_MGH: Array) -> Array:
        """(M,) over all that training may be and show."""
        mean_M: Array = value_MGH.mean(axis=2) @ self.weight_G
        return mean_M


def believed(found: Spread) -> Belief:
    """Of the first contrast. Without anything that rows explain, what is seen is what it is."""
    apart, explained = float(found.apart[0]), float(found.explained[0])
    times, df = float(found.times[0]), found.training_df
    if explained == 0:
        return Belief(np.full(1, apart / times), np.ones(1), np.full(1, apart), times)
    quantile_G = np.tan(np.pi / 2 * (np.arange(SIZES) + 0.5) / SIZES)
    apart_G = explained * (1 + (SCALE * quantile_G) ** 2)
    log_G = -df / 2 * (np.log(apart_G / explained) + apart / apart_G)
    weight_G = np.exp(log_G - log_G.max())
    return Belief((apart_G - explained) / times, weight_G / weight_G.sum(), apart_G, times)


def shown(apart: Array, df: Array) -> Array:
    """(..., H) what `df` folds may show of a variance: quantiles of chi-square / df, by Wilson and
    Hilferty's cube."""
    spread = 2 / (9 * df)
    found: Array = apart * np.maximum(1 - spread + DEVIATE_H * np.sqrt(spread), 0.0) ** 3
    return found
