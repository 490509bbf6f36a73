"""Arms over several datasets, by their ranks on each: scores of different data share no scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.report.statistics.replicates import ALPHA, Array


@dataclass(frozen=True)
class Ranks:
    """rank_DA: of each arm on each dataset, 1 the best, level arms sharing the mean of theirs.

    statistic, p: of Friedman's test that all arms rank alike (Friedman 1937), chi squared with
    degrees, ties corrected; NaN for fewer than three arms or two datasets, and where all tie.
    critical: average ranks that differ by more differ beyond doubt (Nemenyi 1963; Demšar 2006,
    Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7, section 3.2.2).
    """

    rank_DA: Array
    average_A: Array
    statistic: float
    p: float
    degrees: int
    critical: float


def ranks(score_DA: Array, *, sign: int, alpha: float = ALPHA) -> Ranks:
    """Of finite scores (D datasets, A arms). sign: +1 where larger is better."""
    from scipy.stats import friedmanchisquare, rankdata  # late: it takes long to import

    datasets, arms = score_DA.shape
    rank_DA: Array = rankdata(-sign * score_DA, axis=1)
    statistic = p = np.nan
    if arms > 2 and datasets > 1 and np.ptp(rank_DA, axis=1).any():
        found = friedmanchisquare(*rank_DA.T)
        statistic, p = float(found.statistic), float(found.pvalue)
    return Ranks(
        rank_DA=rank_DA,
        average_A=rank_DA.mean(axis=0),
        statistic=statistic,
        p=p,
        degrees=arms - 1,
        critical=critical_difference(arms, datasets, alpha=alpha),
    )


def critical_difference(arms: int, datasets: int, *, alpha: float = ALPHA) -> float:
    """q · sqrt(arms · (arms + 1) / (6 · datasets)), q of the studentized range over sqrt(2)."""
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, arms, np.inf)) / np.sqrt(2)
    return float(q * np.sqrt(arms * (arms + 1) / (6 * datasets)))
