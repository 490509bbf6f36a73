"""Whether another threshold than one half would decide better between two classes.

Each run brings the threshold that its own validation rows chose (core.metrics.threshold); its test
rows are decided by it and by one half, and the difference is paired by row like that of two arms.
Intervals and p hold for all arms at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from core.datasets import Replicate
from core.metrics import Metric
from core.metrics.threshold import THRESHOLD, USUAL, metric_decided
from core.report.arms import Entry
from core.report.basis import ByRow, Placed
from core.report.classified import Real
from core.report.measure import clipped
from core.report.method import practical_region
from core.report.records import JobRecord
from core.report.report import Level, Rule, Threshold
from core.report.statistics import (
    RANKED,
    Contrasts,
    Estimates,
    Scored,
    contrasts,
    estimates,
    pseudo_values,
)
from core.report.together import Selection
from core.report.words import (
    amount,
    base_of,
    counted,
    differences,
    interval,
    number,
    unit_of_difference,
)
from core.rows import PADDING


def thresholds_of(
    job: JobRecord,
    entries: Sequence[Entry],
    by_row: ByRow | None,
    selection: Selection,
    *,
    training: bool = False,
) -> dict[int, Threshold]:
    """By the number of the arm; of those whose chosen runs all have one, and probabilities.

    job: any of the report's, for the names of classes and for what thresholds were chosen by.
    training: it goes on, so that there are differences but nothing is claimed, as of pairs.
    """
    names = job.facts.get("classes")
    if by_row is None or not isinstance(names, Sequence) or len(names) != 2:
        return {}
    of_arm = [_by_replicate(entry, selection.rule) for entry in entries]
    known = [arm for arm in range(len(entries)) if _is_known(arm, of_arm[arm], by_row)]
    if not known:
        return {}
    metric = metric_decided(_chosen_by(job))
    score_APN = np.full((2 * len(known), *by_row.fold_PN.shape), np.nan)
    for placed in by_row.placed:
        for arm, replicate, turn, place in _runs(placed):
            if arm in known:
                first = 2 * known.index(arm)
                for row, threshold in enumerate((USUAL, of_arm[arm][replicate])):
                    found_N = _scores(placed, place, metric, threshold)
                    score_APN[first + row, turn, placed.at] = found_N
    scored = Scored(score_APN, by_row.fold_PN, by_row.repeat_P, by_row.cluster_N)
    told = estimates(scored)
    same = base_of(selection.metric) == metric.kind
    margin = practical_region(
        selection.practical if same else None, metric.kind, told.mean_A[::2].tolist()
    )
    pairs = [(2 * i + 1, 2 * i) for i in range(len(known))]
    found = contrasts(scored, pairs, margin=margin, sign=1, family=pairs)
    tested = np.isfinite(score_APN[::2]).any(1).sum(1).tolist()
    return {
        arm: _told(
            metric.kind,
            str(names[1]),
            np.array([of_arm[arm][replicate] for replicate in _replicates(arm, by_row)]),
            told,
            found,
            i,
            tested[i],
            training=training,
        )
        for i, arm in enumerate(known)
    }


def _by_replicate(entry: Entry, rule: Rule) -> dict[Replicate, float]:
    thresholds = entry.scores_R(THRESHOLD, rule).tolist()
    return dict(zip(entry.table.layout.replicates, thresholds, strict=True))


def _is_known(arm: int, thresholds: dict[Replicate, float], by_row: ByRow) -> bool:
    mine = _replicates(arm, by_row)
    probable = all(placed.scores.probability_RNC is not None for placed in by_row.placed)
    return bool(mine) and probable and all(np.isfinite(thresholds[one]) for one in mine)


def _replicates(arm: int, by_row: ByRow) -> list[Replicate]:
    """Of the arm's runs that tested rows."""
    every = [run for placed in by_row.placed for run in _runs(placed)]
    return [replicate for owner, replicate, _, _ in every if owner == arm]


def _runs(placed: Placed) -> Iterator[tuple[int, Replicate, int, int]]:
    """Arm, replicate, pass and place of each."""
    return zip(placed.arm_R, placed.replicate_R, placed.turn_R, placed.place_R, strict=True)


def _chosen_by(job: JobRecord) -> str:
    select = job.document.get("select")
    return str(select.get("metric")) if isinstance(select, dict) else ""


def _scores(placed: Placed, place: int, metric: Metric, threshold: float) -> Real:
    """(len(at),) what the rows score where the second class begins above the threshold."""
    there_N = placed.scores.index_SN[placed.stream] != PADDING
    assert placed.scores.probability_RNC is not None, "a threshold is of probabilities"
    second_N = placed.scores.probability_RNC[place, there_N, 1].astype(np.float64)
    target_N = placed.scores.target_SN[placed.stream][there_N].astype(np.int64)
    said_N2 = np.eye(2)[(second_N > threshold).astype(np.int64)]
    if metric.kind in RANKED:
        ranked: Real = pseudo_values(metric.kind, said_N2[None], target_N)[0]
        return ranked
    assert metric.mean_of_examples, f"{metric.kind} has neither rows nor pseudo-values"
    right_N: Real = (said_N2.argmax(1) == target_N).astype(np.float64)
    return right_N


def _told(
    kind: str,
    positive: str,
    threshold_R: Real,
    told: Estimates,
    found: Contrasts,
    i: int,
    tested: int,
    *,
    training: bool,
) -> Threshold:
    low, high = float(found.low_C[i]), float(found.high_C[i])
    known = np.isfinite(low) and low < high and not training
    difference = float(found.difference_C[i])
    p = float(found.p_adjusted_C[i])
    plain = Threshold(
        metric=kind,
        positive=positive,
        median=float(np.median(threshold_R)),
        low=float(threshold_R.min()),
        high=float(threshold_R.max()),
        at_half=_level(kind, told, 2 * i),
        at_chosen=_level(kind, told, 2 * i + 1),
        difference=difference,
        ci95=(low, high) if known else None,
        p_adjusted=p if np.isfinite(p) and not training else None,
        verdict="undecided" if training else found.verdict_C[i],
        n=tested,
    )
    return plain.model_copy(update={"sentence": _sentence(plain, len(threshold_R), training)})


def _level(kind: str, told: Estimates, arm: int) -> Level:
    low, high = float(told.low_A[arm]), float(told.high_A[arm])
    ends = clipped(f"test_{kind}", low, high) if np.isfinite(low) and low < high else None
    return Level(mean=float(told.mean_A[arm]), ci95=ends)


def _sentence(found: Threshold, runs: int, training: bool) -> str:
    what = found.metric.replace("_", " ")
    half, chosen = (amount(found.metric, one.mean) for one in (found.at_half, found.at_chosen))
    spread = (
        f"median of {counted(runs, 'run')}, {number(found.low, 2)} to {number(found.high, 2)}"
        if runs > 1
        else "1 run"
    )
    size = differences(found.metric, [abs(found.difference)])[0]
    ends = f" (95 % interval {interval(found.metric, found.ci95)})" if found.ci95 else ""
    verdict = {
        "better": ", which is proven better",
        "worse": ", which is proven worse",
        "equivalent": ", which makes no difference in practice",
        "undecided": " so far" if training else ", which is not proven better",
    }[found.verdict]
    sign = "+" if found.difference > 0 else "−" if found.difference < 0 else ""
    return (
        f"A row is {found.positive} above a probability of {number(found.median, 2)} ({spread}), "
        f"as chosen on validation rows: test {what} {chosen} against {half} at 0.5, {sign}{size}"
        f"{unit_of_difference(found.metric, size)}{ends}{verdict}."
    )
