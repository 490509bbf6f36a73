"""Arms compared by the means of their folds, for jobs that stored no scores by row.

Training parts overlap, so the variance of a mean over n folds is (1/n + ratio) · sd², with ratio
the test part over the training part (Nadeau and Bengio 2003, eq. 9; of repeated folds: Bouckaert
and Frank 2004). Intervals and adjusted p are Bonferroni's, over every pair of arms, and agree.
"""

from __future__ import annotations

import numpy as np

from core.report.choose import FLOAT32
from core.report.layout import Layout
from core.report.statistics import (
    ALPHA,
    FEWEST,
    Array,
    Contrasts,
    Verdict,
    averages,
    summarise,
    two_sided_p,
)


def contrasts_of_folds(
    score_AR: Array,
    layout: Layout,
    ends: list[tuple[int, int]],
    *,
    margin: float,
    sign: int,
    ratio: float,
) -> Contrasts:
    """Of each pair (a, b): a - b over folds, seeds averaged. NaN below FEWEST folds."""
    arms = len(score_AR)
    family = max(arms * (arms - 1) // 2, 1)
    a, b = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    difference_CU = averages(score_AR[a] - score_AR[b], layout.part_R)
    noise = FLOAT32 * np.nanmax(np.abs(score_AR), initial=0.0)
    difference_CU = np.where(np.abs(difference_CU) <= noise, 0.0 * difference_CU, difference_CU)
    level = ALPHA / family
    found = summarise(difference_CU, ratio=ratio, alpha=level)
    enough = found.n >= FEWEST
    same = enough & (found.sd == 0) & (found.mean == 0)
    p = np.where(same, 1.0, two_sided_p(found.mean, found.sd, found.n, ratio=ratio))
    half = np.where(enough & ((found.sd > 0) | same), found.half, np.nan)
    low, high = found.mean - half, found.mean + half
    return Contrasts(
        difference_C=found.mean,
        se_C=np.where(enough, found.error, np.nan),
        df_C=np.maximum(found.n - 1.0, 0.0),
        p_C=p,
        p_adjusted_C=np.minimum(p * family, 1.0),
        low_C=low,
        high_C=high,
        verdict_C=tuple(
            _verdict(*end, margin=margin, sign=sign)
            for end in zip(low.tolist(), high.tolist(), strict=True)
        ),
        level=level,
    )


def _verdict(low: float, high: float, *, margin: float, sign: int) -> Verdict:
    if -margin <= low and high <= margin:
        return "equivalent"
    if low > 0 or high < 0:
        return "better" if sign * low > 0 else "worse"
    return "undecided"
