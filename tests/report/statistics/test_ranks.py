from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.report.statistics.ranks import critical_difference, ranks

# Demšar 2006, table 6: AUC of C4.5 and three variants on 14 datasets
DEMSAR = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_ranks_are_those_of_the_paper() -> None:
    found = ranks(DEMSAR, sign=1)
    assert found.average_A == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    # the paper's 9.28 has no correction for ties; scipy has one
    assert found.statistic == pytest.approx(stats.friedmanchisquare(*DEMSAR.T).statistic)
    assert found.statistic > 9.28
    assert found.degrees == 3


def test_critical_differences_are_those_of_the_papers_table() -> None:
    # table 5(a): q 2.569 for four arms at 0.05, 1.960 for two; section 3.2.2: CD 1.25 and 14 sets
    assert critical_difference(4, 14) == pytest.approx(2.569 * (4 * 5 / (6 * 14)) ** 0.5, abs=1e-3)
    assert critical_difference(2, 30) == pytest.approx(1.960 * (2 * 3 / (6 * 30)) ** 0.5, abs=1e-3)


def test_of_losses_the_least_ranks_first() -> None:
    losses = np.array([[0.1, 0.2], [0.3, 0.3]])
    assert ranks(losses, sign=-1).rank_DA.tolist() == [[1, 2], [1.5, 1.5]]


def test_arms_that_tie_everywhere_are_not_tested() -> None:
    found = ranks(np.ones((4, 3)), sign=1)
    assert np.isnan(found.p)
    assert found.average_A.tolist() == [2, 2, 2]
