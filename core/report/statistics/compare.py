"""Single scores and contrasts of arms, with the intervals that they deserve."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from core.report.statistics.interval import Error, error_of
from core.report.statistics.replicates import ALPHA, Array
from core.report.statistics.scored import Scored
from core.report.statistics.simultaneous import Pairs, bar
from core.report.statistics.spread import ONE_PASS, Spread, clustered, spread

FLOAT32 = 1e-6  # relative: eight roundings of float32; a difference below is none
Verdict = Literal["better", "worse", "equivalent", "undecided"]


@dataclass(frozen=True)
class Estimates:
    """Of each arm (A,): mean score, its error and degrees of freedom, and the 95 % interval."""

    mean_A: Array
    se_A: Array
    df_A: Array
    low_A: Array
    high_A: Array


@dataclass(frozen=True)
class Contrasts:
    """Of each pair (C,): a - b with error, df, p, and family-wise p and 95 % interval.

    verdict_C: of a, seen from b. `better` and `worse`: the interval lies beyond zero, which is
    p_adjusted < ALPHA. `equivalent`: it lies within the margin. NaN without an error.
    level: p of a single pair below which its adjusted p is below ALPHA.
    """

    difference_C: Array
    se_C: Array
    df_C: Array
    p_C: Array
    p_adjusted_C: Array
    low_C: Array
    high_C: Array
    verdict_C: tuple[Verdict, ...]
    level: float


def estimates(scored: Scored) -> Estimates:
    """Each arm's mean score over rows, and where new rows and new training would put it.

    Scores that are all 0 or 1 get the interval of a share, which stays between them and has a
    width where all rows are right: Wilson's, of as many rows as would give the same error (Korn
    and Graubard 1998, Confidence Intervals for Proportions with Small Expected Number of Positive
    Counts Estimated from Survey Data).
    """
    found = spread(scored.score_APN, scored)
    error = error_of(found)
    low, high = found.mean - error.half, found.mean + error.half
    if np.isin(scored.score_APN[np.isfinite(scored.score_APN)], (0.0, 1.0)).all():
        low, high = _of_a_share(found, error, scored)
    return Estimates(found.mean, error.se, error.degrees, low, high)


def contrasts(
    scored: Scored, pairs: Pairs, *, margin: float, sign: int, family: Pairs | None = None
) -> Contrasts:
    """Arm a against arm b for each (a, b), on the rows that both were tested on.

    margin: a difference within ± margin does not matter. sign: +1 where larger scores are better.
    family: all pairs that might have been reported; None: every pair of arms, as where the best
    is picked by the scores at hand.
    """
    found = _cautious(spread(differences(scored, pairs), scored))
    family_bar = bar(_centred(scored), _family(len(scored.score_APN), pairs, family))
    error = error_of(found)
    p = error.p_of(found.mean)
    level = family_bar.level()
    half = error.half if level == ALPHA else error.reach(level)
    low, high = found.mean - half, found.mean + half
    return Contrasts(
        difference_C=found.mean,
        se_C=error.se,
        df_C=error.degrees,
        p_C=p,
        p_adjusted_C=family_bar.adjusted(p),
        low_C=low,
        high_C=high,
        verdict_C=_verdicts(low, high, margin=margin, sign=sign),
        level=level,
    )


def _cautious(found: Spread) -> Spread:
    """Where all rows differ alike: the error there were if one more went the other way."""
    alike = (found.rows + found.luck + found.apart == 0) & (found.mean != 0)
    variance = (2 * np.abs(found.mean) / np.maximum(found.n, 1)) ** 2
    return replace(
        found,
        rows=np.where(alike, variance, found.rows),
        rows_df=np.where(alike, 2.0, found.rows_df),
    )


def _family(arms: int, pairs: Pairs, family: Pairs | None) -> Pairs:
    if family is None:
        return [(a, b) for a in range(arms) for b in range(a + 1, arms)]
    return sorted({(min(pair), max(pair)) for pair in (*pairs, *family)})


def _of_a_share(found: Spread, error: Error, scored: Scored) -> tuple[Array, Array]:
    from scipy.special import stdtrit  # late: it takes a tenth of a second to import

    share, odd = found.mean, found.mean * (1 - found.mean)
    rows = np.maximum(found.n / (1 + ONE_PASS if scored.folds > 1 else 1), 1)
    alone = stdtrit(error.df_C, 1 - ALPHA / 2) ** 2 / rows
    moving = (odd > 0) & (error.se > 0)
    squared = np.where(moving, error.half**2 / np.where(moving, odd, 1.0), alone)
    centre = (share + squared / 2) / (1 + squared)
    half = np.sqrt(odd * squared + squared**2 / 4) / (1 + squared)
    return np.clip(centre - half, 0.0, 1.0), np.clip(centre + half, 0.0, 1.0)


def differences(scored: Scored, pairs: Pairs) -> Array:
    """(C, P, N) a - b by row; what float32 cannot tell from zero is zero."""
    ends = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    score_APN = np.where(np.isfinite(scored.score_APN), scored.score_APN, np.nan)
    a_CPN, b_CPN = score_APN[ends[:, 0]], score_APN[ends[:, 1]]
    size_CPN = np.maximum(np.abs(a_CPN), np.abs(b_CPN))
    there_CPN = np.isfinite(size_CPN)
    count_C = np.maximum(there_CPN.sum(axis=(1, 2)), 1)
    typical_C = np.where(there_CPN, size_CPN, 0.0).sum(axis=(1, 2)) / count_C
    told_CPN = np.abs(a_CPN - b_CPN) > FLOAT32 * np.maximum(size_CPN, typical_C[:, None, None])
    return np.where(told_CPN | ~there_CPN, a_CPN - b_CPN, 0.0)


def _centred(scored: Scored) -> Array:
    """(A, N) or (A, clusters): an arm's row means less its mean, 0 where it has none."""
    there = np.isfinite(scored.score_APN)
    count_AN = there.sum(axis=1)
    row_AN = np.where(there, scored.score_APN, 0.0).sum(axis=1) / np.maximum(count_AN, 1)
    tested_AN = count_AN > 0
    mean_A = row_AN.sum(axis=1) / np.maximum(tested_AN.sum(axis=1), 1)
    centred_AN: Array = np.where(tested_AN, row_AN - mean_A[:, None], 0.0)
    if scored.cluster_N is None:
        return centred_AN
    return clustered(centred_AN, scored.cluster_N)


def _verdicts(low_C: Array, high_C: Array, *, margin: float, sign: int) -> tuple[Verdict, ...]:
    low, high = (low_C, high_C) if sign > 0 else (-high_C, -low_C)
    verdict: NDArray[np.str_] = np.select(
        [(low == 0) & (high == 0), (low >= -margin) & (high <= margin), low > 0, high < 0],
        ["equivalent", "equivalent", "better", "worse"],
        "undecided",
    )
    return tuple(verdict.tolist())
