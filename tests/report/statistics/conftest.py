"""Scores by row whose structure is known."""

from __future__ import annotations

import numpy as np
import pytest

from core.report.statistics import Scored


class Made:
    """Scores made of what rows, folds and trainings each add."""

    @staticmethod
    def held_out(score_AN: np.ndarray) -> Scored:
        """One held-out part, one seed."""
        score_APN = score_AN[:, None].astype(float)
        rows = score_APN.shape[2]
        return Scored(score_APN, np.zeros((1, rows), dtype=np.int64), np.zeros(1, dtype=np.int64))

    @staticmethod
    def seeds(score_APN: np.ndarray) -> Scored:
        """One held-out part, several seeds."""
        _, passes, rows = score_APN.shape
        return Scored(score_APN, np.zeros((passes, rows), np.int64), np.zeros(passes, np.int64))

    @staticmethod
    def folds(score_APN: np.ndarray, folds: int = 5, cluster_N: np.ndarray | None = None) -> Scored:
        """Every row tested once per repeat; rows dealt to folds in turn, otherwise each time."""
        _, passes, rows = score_APN.shape
        fold_PN = np.stack(
            [(np.arange(rows) + p * (np.arange(rows) // folds)) % folds for p in range(passes)]
        )
        return Scored(score_APN, fold_PN, np.arange(passes), cluster_N)


@pytest.fixture(scope="session")
def made() -> Made:
    return Made()
