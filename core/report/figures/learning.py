"""Learning curves of each arm's chosen setting: the mean over its replicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.report.choose import sign_of
from core.report.evidence import Evidence
from core.report.figures.frame import Frame, frame_of
from core.report.figures.theme import (
    HEIGHT,
    MUTED,
    WIDTH,
    Drawing,
    Row,
    Spec,
    best_of,
    chosen_arms,
    colour,
    dash,
    decimated,
    score_axis,
)
from core.report.measure import bounds_of, clipped, direction_of
from core.report.records import CurveRecord
from core.report.report import Report
from core.report.statistics import Array, summarise
from core.report.words import base_of, differences, head_words, metric_words, unit_of_difference

LEFT_OUT = 0.1  # of the points of a curve, its first epochs, which would flatten the rest
LEVEL = 0.02  # of what was gained along the way: less than this is no progress

Curve = list[Row]


def applies(report: Report, evidence: Evidence) -> bool:
    return bool(chosen_arms(report))


def title(report: Report, evidence: Evidence) -> str:
    """Where the best arm's validation curve turned; without curves, what the figure is of."""
    metric = f"val_{_drawable(report, evidence)}"
    best = _best(report)
    curve = _curves(report, evidence, metric).get(best, [])
    if len(curve) < 2:
        return f"{metric_words(metric).capitalize()} by epoch"
    sign = sign_of(direction_of(metric))
    scores = np.array([sign * float(row["y"] or 0) for row in curve])
    top = int(scores.argmax())
    lost, gained = scores[top] - scores[-1], scores[top] - scores[0]
    noise = 2 * (float(curve[-1]["high"] or 0) - float(curve[-1]["y"] or 0))
    last, peak = curve[-1]["epoch"], curve[top]["epoch"]
    if lost > max(LEVEL * gained, noise):
        size = differences(metric, [lost])[0]
        unit = unit_of_difference(metric, size)
        return f"{best} was best at epoch {peak} of {last} and then lost {size}{unit}"
    late = scores[int(0.9 * (len(scores) - 1))]
    if gained > 0 and scores[-1] - late > max(LEVEL * gained, noise):
        return f"{best} was still improving at epoch {last}: more epochs may help"
    level = int(np.argmax(scores >= scores[top] - LEVEL * gained))
    return f"{best} gained nearly all by epoch {curve[level]['epoch']} of {last}"


def wanted(report: Report) -> tuple[list[str], list[str]]:
    """Ids of the runs and names of the metrics whose curves the figures draw."""
    runs = [run for _, chosen in chosen_arms(report) for run in chosen.runs]
    base = base_of(report.metric)
    return runs, list(dict.fromkeys([f"val_{base}", f"train_{base}", "val_loss", "train_loss"]))


def drawing(report: Report, evidence: Evidence) -> Drawing:
    base = _drawable(report, evidence)
    validation = _curves(report, evidence, f"val_{base}")
    best = _best(report)
    training = _curves(report, evidence, f"train_{base}").get(best, [])
    frame = _frame(f"val_{base}", validation, training, validation.get(best, []))
    title = head_words(base, report.method.unit).replace("_", " ")
    y = score_axis(f"val_{base}", title, frame.domain, field="y")
    marks = {"x": _epochs(validation), "y": y, "color": colour(report)}
    rows = [row for curve in validation.values() for row in curve]
    body = {
        "width": WIDTH,
        "height": HEIGHT,
        "data": {"values": rows},
        "layer": [
            *_band(marks, validation.get(best, [])),
            *_training(marks, training),
            {
                "mark": {"type": "line", "strokeWidth": 2, "clip": True},
                "encoding": {**marks, "strokeDash": dash(report)},
            },
        ],
    }
    return Drawing(_subtitle(best, bool(training)) + frame.words(), body)


def _best(report: Report) -> str:
    best = best_of(report)
    return best.name if best else ""


def _subtitle(best: str, with_training: bool) -> str:
    training = (
        f" Grey dots: {best} in training, taken on the way through an epoch with dropout and "
        "other noise on, so it differs from the table."
    )
    return (
        "Validation at each arm's chosen setting, mean over replicates; a run that stopped early "
        f"keeps its last value. Band: one standard error of {best}."
        + (training if with_training else "")
    )


def _epochs(curves: Mapping[str, Curve]) -> Spec:
    """From the first epoch to the last, with whole numbers only."""
    epochs = [int(row["epoch"] or 0) for curve in curves.values() for row in curve]
    domain = [min(epochs), max(epochs)] if epochs else [0, 1]
    return {
        "field": "epoch",
        "type": "quantitative",
        "scale": {"domain": domain, "nice": False, "zero": False},
        "axis": {"title": "epoch", "tickMinStep": 1, "tickCount": 6, "format": "d"},
    }


def _band(marks: Spec, curve: Curve) -> list[Spec]:
    if not curve:
        return []
    ends = {**marks, "y": {**marks["y"], "field": "low"}, "y2": {"field": "high"}}
    area = {"type": "area", "opacity": 0.16, "clip": True}
    return [{"data": {"values": curve}, "mark": area, "encoding": ends}]


def _training(marks: Spec, curve: Curve) -> list[Spec]:
    if not curve:
        return []
    return [
        {
            "data": {"values": curve},
            "mark": {
                "type": "line",
                "strokeWidth": 1.6,
                "strokeDash": [1, 3],
                "strokeCap": "round",
                "color": MUTED,
                "clip": True,
            },
            "encoding": {"x": marks["x"], "y": marks["y"]},
        }
    ]


def _drawable(report: Report, evidence: Evidence) -> str:
    """The selection metric where it was logged along the way, else the loss."""
    base = base_of(report.metric)
    logged = any(curve.name == f"val_{base}" for curve in evidence.curves)
    return base if logged or not evidence.curves else "loss"


def _curves(report: Report, evidence: Evidence, metric: str) -> dict[str, Curve]:
    """The mean curve of each arm that has any, by its name."""
    by_run: dict[str, CurveRecord] = {c.run: c for c in evidence.curves if c.name == metric}
    found: dict[str, list[CurveRecord]] = defaultdict(list)
    for arm, chosen in chosen_arms(report):
        found[arm.name] += [by_run[run] for run in chosen.runs if run in by_run]
    return {name: _mean(name, metric, members) for name, members in found.items() if members}


def _mean(arm: str, metric: str, curves: Sequence[CurveRecord]) -> Curve:
    epochs = np.unique(np.concatenate([curve.epochs for curve in curves]))
    found = summarise(np.stack([_carried(curve, epochs) for curve in curves], axis=1))
    columns = (epochs.tolist(), found.mean.tolist(), np.nan_to_num(found.error).tolist())
    rows: Curve = []
    for epoch, mean, error in zip(*columns, strict=True):
        if mean == mean:  # NaN where no replicate has a value yet
            low, high = clipped(metric, mean - error, mean + error)
            rows.append({"arm": arm, "epoch": epoch, "y": mean, "low": low, "high": high})
    return decimated(rows, [False] * len(rows))


def _carried(curve: CurveRecord, epochs: NDArray[np.int64]) -> Array:
    """The curve's values at these epochs, the last one carried on; NaN before the first."""
    at = np.searchsorted(curve.epochs, epochs, side="right") - 1
    values = np.where(np.isfinite(curve.values), curve.values, np.nan)
    carried: Array = np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
    return carried


def _frame(metric: str, validation: Mapping[str, Curve], training: Curve, banded: Curve) -> Frame:
    """Without the first epochs, and without arms that ended far from the others; with the end of
    the band."""
    curves = [[float(row["y"] or 0) for row in curve] for curve in validation.values() if curve]
    usual = frame_of([curve[-1] for curve in curves])
    near = [curve for curve in curves if usual.holds(curve[-1])]
    near += [[float(row["y"] or 0) for row in training]] if training else []
    kept = [value for curve in near for value in curve[int(LEFT_OUT * len(curve)) :]]
    kept += [float(row[end] or 0) for row in banded[-1:] for end in ("low", "high")]
    low, high = (min(kept), max(kept)) if kept else (0.0, 1.0)
    margin = 0.04 * (high - low) or 0.02 * abs(high) or 0.5
    least, most = bounds_of(metric)
    ends = max(low - margin, least), min(high + margin, most)
    drawn = [value for curve in curves for value in curve]
    return Frame(*ends, beyond=sum(not ends[0] <= value <= ends[1] for value in drawn))
