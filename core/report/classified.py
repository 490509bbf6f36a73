"""What a classifier's test rows show: who is taken for whom, and whether its confidence is earned.

Everything here is of one arm. Rows that were tested in several repeats count once, by equal parts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from core.report.evidence import Predictions

Whole = NDArray[np.int64]
Real = NDArray[np.float64]
BINS = 15  # of confidence, as in the metric ece
GRID = 201  # points of an averaged curve


@dataclass(frozen=True, eq=False)
class PerClass:
    """Of each class: NaN where nothing was of it (recall) or taken for it (precision)."""

    precision_C: Real
    recall_C: Real
    f1_C: Real
    rows_C: Real


@dataclass(frozen=True, eq=False)
class Reliability:
    """Bins (k/K, (k+1)/K] of the largest probability; means are NaN in an empty one.

    share_K: of all rows. ece: sum over bins of share · |confidence − accuracy|, of all test rows
    together.
    """

    confidence_K: Real
    accuracy_K: Real
    share_K: Real
    ece: float


@dataclass(frozen=True, eq=False)
class Curve:
    """x_G against y_G: the mean of the curves of each test part and class; area: of their areas.

    curves: how many went into it.
    """

    x_G: Real
    y_G: Real
    area: float
    curves: int


def guess_of(answers: Predictions) -> Whole:
    """(M,) the most probable class; without probabilities the class of the largest output."""
    answer_MC = answers.prediction_MO if answers.probability_MC is None else answers.probability_MC
    assert answer_MC is not None, "a guess needs an answer"
    assert answer_MC.shape[1] > 1, "one output names no class"
    guess_M: Whole = answer_MC.argmax(1)
    return guess_M


def confusion(answers: Predictions, classes: int) -> Real:
    """(C, C) rows by true class and guessed class; all together as many as there are rows."""
    assert answers.target_M is not None, "a confusion matrix is of classes"
    cells_CC = np.zeros((classes, classes))
    np.add.at(cells_CC, (answers.target_M, guess_of(answers)), answers.rows / len(answers.index_M))
    return cells_CC


def per_class(confusion_CC: Real) -> PerClass:
    right_C = np.diag(confusion_CC)
    rows_C, taken_C = confusion_CC.sum(1), confusion_CC.sum(0)
    with np.errstate(invalid="ignore"):
        return PerClass(
            precision_C=right_C / taken_C,
            recall_C=right_C / rows_C,
            f1_C=2 * right_C / (rows_C + taken_C),
            rows_C=rows_C,
        )


def reliability(answers: Predictions, bins: int = BINS) -> Reliability:
    assert answers.probability_MC is not None, "reliability is of probabilities"
    assert answers.target_M is not None, "reliability is of classes"
    confidence_M = answers.probability_MC.max(1)
    right_M = (answers.probability_MC.argmax(1) == answers.target_M).astype(np.float64)
    bin_M = np.clip(np.ceil(confidence_M * bins).astype(np.int64) - 1, 0, bins - 1)
    count_K, sure_K, right_K = (
        np.bincount(bin_M, weights=weight, minlength=bins)
        for weight in (None, confidence_M, right_M)
    )
    with np.errstate(invalid="ignore"):
        return Reliability(
            confidence_K=sure_K / count_K,
            accuracy_K=right_K / count_K,
            share_K=count_K / count_K.sum(),
            ece=float(np.abs(sure_K - right_K).sum() / count_K.sum()),
        )


def roc(answers: Predictions) -> Curve | None:
    """True positive rate by false positive rate, straight between thresholds.

    One curve for each test part and class against the rest (of two classes the second), averaged
    at equal false positive rates; None where no part has both sides.
    """
    x_G = np.linspace(0, 1, GRID)
    found = []
    for score_N, positive_N in _sides(answers):
        true_T, false_T = _counts(score_N, positive_N)
        hit_T, alarm_T = true_T / true_T[-1], false_T / false_T[-1]
        found.append((np.interp(x_G, alarm_T, hit_T), float(np.trapezoid(hit_T, alarm_T))))
    return _mean(x_G, found)


def precision_recall(answers: Predictions) -> Curve | None:
    """Precision by recall, in steps; its area is the average precision. Averaged as `roc`."""
    x_G = np.linspace(0, 1, GRID)
    found = []
    for score_N, positive_N in _sides(answers):
        true_T, false_T = (counts[1:] for counts in _counts(score_N, positive_N))
        recall_T, precision_T = true_T / true_T[-1], true_T / (true_T + false_T)
        at_G = np.searchsorted(recall_T, np.minimum(x_G, recall_T[-1]) - 1e-12)
        area = float((np.diff(recall_T, prepend=0.0) * precision_T).sum())
        found.append((precision_T[at_G], area))
    return _mean(x_G, found)


def positive_share(answers: Predictions) -> float:
    """What precision is by chance, averaged as the curves are."""
    shares = [float(positive_N.mean()) for _, positive_N in _sides(answers)]
    return float(np.mean(shares)) if shares else float("nan")


def _sides(answers: Predictions) -> Iterator[tuple[Real, Whole]]:
    """Scores, and which rows are positive, of each test part and class that has both sides."""
    p_MC, target_M = answers.probability_MC, answers.target_M
    assert p_MC is not None, "a curve is of probabilities"
    assert target_M is not None, "a curve is of classes"
    positives = [1] if p_MC.shape[1] == 2 else range(p_MC.shape[1])
    for part in np.unique(answers.part_M):
        here_M = answers.part_M == part
        for positive in positives:
            positive_N = (target_M[here_M] == positive).astype(np.int64)
            if 0 < positive_N.sum() < len(positive_N):
                yield p_MC[here_M, positive], positive_N


def _counts(score_N: Real, positive_N: Whole) -> tuple[Real, Real]:
    """True and false positives at every threshold, the highest first; (0, 0) before it."""
    order_N = np.argsort(-score_N, kind="stable")
    score_N, positive_N = score_N[order_N], positive_N[order_N]
    last_T = np.append(np.flatnonzero(np.diff(score_N)), len(score_N) - 1)  # of equal scores
    true_T = np.cumsum(positive_N)[last_T].astype(np.float64)
    return np.append(0.0, true_T), np.append(0.0, last_T + 1 - true_T)


def _mean(x_G: Real, found: list[tuple[Real, float]]) -> Curve | None:
    if not found:
        return None
    y_G = np.mean([y_G for y_G, _ in found], axis=0)
    return Curve(x_G, y_G, float(np.mean([area for _, area in found])), len(found))
