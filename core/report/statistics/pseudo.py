"""Metrics that are no means over rows, as means over rows: each row's pseudo-value.

A metric of a test part is a function of how much each row weighs. A row's pseudo-value is the
metric plus n times its change by that row's weight, so the mean of n pseudo-values is the metric,
and their variance over n is what a Poisson bootstrap of the rows gives, to first order, without
drawing anything (the infinitesimal jackknife: Jaeckel 1972; Efron 1982, The Jackknife, the
Bootstrap and Other Resampling Plans, ch. 6). Of ROC-AUC they are the placements of DeLong, DeLong
and Clarke-Pearson 1988. From here on such a metric is treated as any other: paired by row, averaged
over passes, kept together by clusters, with the same error and the same bar for many pairs.

Each test part is scored on its own, since scores of different models have no common scale, and
parts are averaged by their rows: the number that the table of runs shows.

Axes: R run, N row of one test part, C class, O output. Several runs of one part at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.report.statistics.replicates import Array
from core.report.statistics.scored import Integers

Mask = NDArray[np.bool_]
Answers = NDArray[np.floating[Any]]
Targets = NDArray[Any]  # Any: whole numbers of classes, or values


def pseudo_values(metric: str, answer_RNC: Answers, target_N: Targets) -> Array:
    """(R, N) values of rows whose mean is the metric; NaN where the metric is not defined.

    metric: one of RANKED, where target_N are classes, -1 for padding; or one of VALUED, where they
    are values, (N, O), NaN for padding. answer_RNC: probabilities, or outputs where the loss gives
    none; one or two columns for two classes. Padding gets NaN, and so does all of a run with an
    answer that is not finite.
    """
    whole = target_N.dtype.kind == "i"
    there_N = target_N >= 0 if whole else np.isfinite(target_N).all(axis=1)
    answer_RMC, target_M = answer_RNC[:, there_N].astype(np.float64), target_N[there_N]
    found_RN = np.full(answer_RNC.shape[:2], np.nan)
    sound_R = np.isfinite(answer_RMC).all(axis=(1, 2))
    if len(target_M) and sound_R.any():
        of_metric = (RANKED if whole else VALUED)[metric]
        found_RN[np.ix_(sound_R, there_N)] = of_metric(answer_RMC[sound_R], target_M)
    return found_RN


def _roc_auc(score_RNC: Array, target_N: Integers) -> Array:
    return _macro(_one_auc, score_RNC, target_N)


def _average_precision(score_RNC: Array, target_N: Integers) -> Array:
    return _macro(_one_precision, score_RNC, target_N)


def _macro(one: Callable[[Array, Mask], Array], score_RNC: Array, target_N: Integers) -> Array:
    """Mean over each class against the rest; of two classes, the second's."""
    found = [one(score_RN, is_N) for score_RN, is_N in _against_rest(score_RNC, target_N)]
    mean_RN: Array = np.mean(found, axis=0)
    return mean_RN


def _against_rest(score_RNC: Array, target_N: Integers) -> Iterator[tuple[Array, Mask]]:
    classes = score_RNC.shape[2]
    if classes <= 2:
        last_RN = score_RNC[..., -1]
        yield (last_RN - score_RNC[..., 0] if classes == 2 else last_RN), target_N == 1
        return
    for number in range(classes):
        yield score_RNC[..., number], target_N == number


def _one_auc(score_RN: Array, is_N: Mask) -> Array:
    """Placements: the share of the other side that a row is on the right side of."""
    from scipy.stats import rankdata  # late: it takes long to import

    n, hits = len(is_N), int(is_N.sum())
    misses = n - hits
    if not hits or not misses:
        return np.full(score_RN.shape, np.nan)
    rank_RN = rankdata(score_RN, axis=1)
    placed_RN = np.empty(score_RN.shape)
    placed_RN[:, is_N] = (rank_RN[:, is_N] - rankdata(score_RN[:, is_N], axis=1)) / misses
    below_RN = rank_RN[:, ~is_N] - rankdata(score_RN[:, ~is_N], axis=1)
    placed_RN[:, ~is_N] = 1 - below_RN / hits
    area_R1 = placed_RN[:, is_N].mean(axis=1, keepdims=True)
    found_RN: Array = area_R1 + (placed_RN - area_R1) * np.where(is_N, n / hits, n / misses)
    return found_RN


def _one_precision(score_RN: Array, is_N: Mask) -> Array:
    """A row changes its own precision's weight, and the precision at every lower score."""
    n, hits = len(is_N), int(is_N.sum())
    if not hits:
        return np.full(score_RN.shape, np.nan)
    order_RN = np.argsort(-score_RN, axis=1, kind="stable")
    sorted_RN = np.take_along_axis(score_RN, order_RN, axis=1)
    is_RN = is_N[order_RN]
    first_RN, last_RN = _ties(sorted_RN)
    above_RN = np.take_along_axis(is_RN.cumsum(axis=1), last_RN, axis=1)
    precision_RN = above_RN / (last_RN + 1)
    average_R1 = (precision_RN * is_RN).sum(axis=1, keepdims=True) / hits
    # sums over the hits at this score or lower, ties included
    own_RN = is_RN / (last_RN + 1) / hits
    lower_RN = _from_here_on(own_RN, first_RN)
    purer_RN = _from_here_on(own_RN * precision_RN, first_RN)
    change_RN = is_RN * ((precision_RN - average_R1) / hits + lower_RN) - purer_RN
    found_RN = np.empty(score_RN.shape)
    np.put_along_axis(found_RN, order_RN, average_R1 + n * change_RN, axis=1)
    return found_RN


def _ties(sorted_RN: Array) -> tuple[Integers, Integers]:
    """First and last place of the scores that equal each."""
    n = sorted_RN.shape[1]
    place_N = np.arange(n)
    new_RN = np.diff(sorted_RN, axis=1, prepend=np.inf) != 0
    first_RN = np.maximum.accumulate(np.where(new_RN, place_N, 0), axis=1)
    ends_RN = np.concatenate([new_RN[:, 1:], np.ones((len(new_RN), 1), dtype=bool)], axis=1)
    last_RN = np.minimum.accumulate(np.where(ends_RN, place_N, n)[:, ::-1], axis=1)[:, ::-1]
    return first_RN, last_RN


def _from_here_on(value_RN: Array, first_RN: Integers) -> Array:
    onward_RN = value_RN[:, ::-1].cumsum(axis=1)[:, ::-1]
    return np.take_along_axis(onward_RN, first_RN, axis=1)


def _f1(score_RNC: Array, target_N: Integers) -> Array:
    """A right row adds a hit to its class; every row is a member of its class and of its answer's.

    With F_c = 2 hits_c / members_c, its change by a row's weight is
    [right] 2 / members_y - F_y / members_y - F_said / members_said, over the classes that count.
    """
    said_RN = _said(score_RNC)
    n, classes = len(target_N), max(score_RNC.shape[2], 2)
    right_RN = said_RN == target_N
    target_RN = np.broadcast_to(target_N, said_RN.shape)
    hits_RC = _counted(np.where(right_RN, said_RN, classes), classes + 1)[:, :classes]
    members_RC = _counted(said_RN, classes) + _counted(target_RN, classes)
    counts_R1 = (members_RC > 0).sum(axis=1, keepdims=True)
    members_RC = np.maximum(members_RC, 1.0)
    f1_RC = 2 * hits_RC / members_RC
    less_RC = f1_RC / members_RC
    hit_RN = 2 * right_RN / np.take_along_axis(members_RC, said_RN, axis=1)
    loss_RN = less_RC[:, target_N] + np.take_along_axis(less_RC, said_RN, axis=1)
    found_RN: Array = (f1_RC.sum(axis=1, keepdims=True) + n * (hit_RN - loss_RN)) / counts_R1
    return found_RN


def _counted(class_RN: Integers, classes: int) -> Array:
    """(R, C) how often each run has each class."""
    runs = len(class_RN)
    place_RN = class_RN + classes * np.arange(runs)[:, None]
    return np.bincount(place_RN.ravel(), minlength=runs * classes).reshape(runs, -1).astype(float)


def _balanced_accuracy(score_RNC: Array, target_N: Integers) -> Array:
    """A row counts by how rare its class is: the mean of these is the mean over classes."""
    right_RN = (_said(score_RNC) == target_N).astype(np.float64)
    count_C = np.bincount(target_N)
    present = int((count_C > 0).sum())
    weight_N = len(target_N) / (present * count_C[target_N])
    is_NC = (target_N[:, None] == np.flatnonzero(count_C)).astype(np.float64)
    recall_RC = right_RN @ is_NC / is_NC.sum(axis=0)
    recall_RN = recall_RC @ is_NC.T
    found_RN: Array = recall_RC.mean(axis=1)[:, None] + weight_N * (right_RN - recall_RN)
    return found_RN


def _said(score_RNC: Array) -> Integers:
    if score_RNC.shape[2] == 1:
        return (score_RNC[..., 0] > 0).astype(np.int64)
    said_RN: Integers = score_RNC.argmax(axis=2)
    return said_RN


def _r2(value_RNO: Array, target_NO: Array) -> Array:
    """A row's own miss and its own distance from the mean; the mean moves to second order only.

    As the metric has it: where targets are equal, 1 if met exactly, else 0, whatever rows weigh.
    """
    target_NO = target_NO.astype(np.float64)
    miss_RNO = (value_RNO - target_NO) ** 2
    spread_NO = (target_NO - target_NO.mean(axis=0)) ** 2
    varies_O = np.ptp(target_NO, axis=0) > 0
    total_O = np.where(varies_O, spread_NO.sum(axis=0), 1.0)
    missed_RO = miss_RNO.sum(axis=1)
    unexplained_R1O = np.where(varies_O, missed_RO / total_O, np.sign(missed_RO))[:, None]
    change_RNO = varies_O * (unexplained_R1O * spread_NO - miss_RNO) / total_O
    found_RN: Array = (1 - unexplained_R1O + len(target_NO) * change_RNO).mean(axis=2)
    return found_RN


RANKED: dict[str, Callable[[Array, Targets], Array]] = {
    "roc_auc": _roc_auc,
    "average_precision": _average_precision,
    "f1": _f1,
    "balanced_accuracy": _balanced_accuracy,
}
VALUED: dict[str, Callable[[Array, Targets], Array]] = {"r2": _r2}
