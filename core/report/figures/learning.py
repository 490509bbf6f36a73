"""Learning curves of each arm's chosen setting: mean and deviation over its replicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.report.choose import sign_of
from core.report.figures.theme import (
    WIDTH,
    Row,
    Spec,
    colour,
    decimated,
    document,
    score_axis,
    shown_arms,
)
from core.report.measure import clipped, direction_of, runs_along
from core.report.records import CurveRecord
from core.report.report import Report
from core.report.statistics import Array, summarise
from core.report.verdict import chosen_of
from core.report.words import base_of, metric_words


def applies(report: Report) -> bool:
    return any(chosen_of(arm, report.method.rule) for arm in shown_arms(report))


def title(report: Report) -> str:
    """No claim: the table's training scores are of another kind than the curves drawn."""
    base = base_of(report.metric)
    told = "training and validation" if runs_along(base) else "validation"
    return f"How {told} {base.replace('_', ' ')} develop{'' if runs_along(base) else 's'}"


def wanted(report: Report) -> tuple[list[str], list[str]]:
    """Ids of the runs and names of the metrics whose curves the figures draw."""
    runs = [
        run
        for arm in shown_arms(report)
        if (chosen := chosen_of(arm, report.method.rule))
        for run in chosen.runs
    ]
    base = base_of(report.metric)
    return runs, list(dict.fromkeys([f"val_{base}", f"train_{base}", "val_loss", "train_loss"]))


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    base = _drawable(report, curves)
    by_name: dict[str, dict[str, CurveRecord]] = defaultdict(dict)
    for curve in curves:
        by_name[curve.name][curve.run] = curve
    rows: list[Row] = []
    for arm in shown_arms(report):
        chosen = chosen_of(arm, report.method.rule)
        for split in ("train", "val"):
            found = by_name[f"{split}_{base}"]
            members = [found[run] for run in (chosen.runs if chosen else []) if run in found]
            rows += _rows(arm.name, f"{split}_{base}", members)
    y = score_axis(f"val_{base}", base.replace("_", " "), field="y")
    y["scale"] = {"zero": False, "nice": True, **_window(f"val_{base}", rows)}
    splits = [metric_words(f"{split}_{base}") for split in ("val", "train")]
    marks = {
        "x": {"field": "epoch", "type": "quantitative", "axis": {"title": "epoch"}},
        "y": y,
        "color": colour(report),
        "strokeDash": {
            "field": "split",
            "type": "nominal",
            "scale": {"domain": splits, "range": [[1, 0], [3, 3]]},
            "legend": {"title": None, "orient": "top", "symbolStrokeColor": "#5f6c7b"},
        },
    }
    band = {**marks, "y": {**y, "field": "low"}, "y2": {"field": "high"}}
    del band["strokeDash"]
    subtitle = (
        "Each arm's chosen setting; mean over replicates, band of one standard deviation on "
        "validation. Training scores are taken on the way through an epoch, with dropout and other "
        "noise on, so they differ from the table's. A run that stopped early keeps its last value."
    )
    body = {
        "width": WIDTH,
        "height": 300,
        "data": {"values": rows},
        "layer": [
            {
                "transform": [{"filter": {"field": "split", "equal": splits[0]}}],
                "mark": {"type": "area", "opacity": 0.14, "clip": True},
                "encoding": band,
            },
            {"mark": {"type": "line", "strokeWidth": 1.9, "clip": True}, "encoding": marks},
        ],
    }
    return document(report, title(report), subtitle, body)


def _drawable(report: Report, curves: Sequence[CurveRecord]) -> str:
    """The selection metric where it was logged along the way, else the loss."""
    base = base_of(report.metric)
    return base if any(curve.name == f"val_{base}" for curve in curves) or not curves else "loss"


def _rows(arm: str, metric: str, curves: Sequence[CurveRecord]) -> list[Row]:
    if not curves:
        return []
    epochs = np.unique(np.concatenate([curve.epochs for curve in curves]))
    found = summarise(np.stack([_carried(curve, epochs) for curve in curves], axis=1))
    columns = (epochs.tolist(), found.mean.tolist(), np.nan_to_num(found.sd).tolist())
    rows: list[Row] = []
    for epoch, mean, sd in zip(*columns, strict=True):
        if mean == mean:  # NaN where no replicate has a value yet
            low, high = clipped(metric, mean - sd, mean + sd)
            split = metric_words(metric)
            rows.append(
                {"arm": arm, "split": split, "epoch": epoch, "y": mean, "low": low, "high": high}
            )
    return decimated(rows, [False] * len(rows))


def _carried(curve: CurveRecord, epochs: NDArray[np.int64]) -> Array:
    """The curve's values at these epochs, the last one carried on; NaN before the first."""
    at = np.searchsorted(curve.epochs, epochs, side="right") - 1
    values = np.where(np.isfinite(curve.values), curve.values, np.nan)
    carried: Array = np.where(at >= 0, values[np.maximum(at, 0)], np.nan)
    return carried


def _window(metric: str, rows: Sequence[Row]) -> Spec:
    """Cut off the worst tenth of the points, so that the first epochs do not flatten the rest."""
    sign = sign_of(direction_of(metric))
    numbers = np.array([row["y"] for row in rows if isinstance(row["y"], float)])
    if len(numbers) < 20:
        return {}
    best, worst = np.max(sign * numbers), np.quantile(sign * numbers, 0.1)
    margin = 0.08 * (best - worst) or abs(best) * 0.01 or 1.0
    low, high = sorted((sign * float(best + margin), sign * float(worst - margin)))
    return {"domain": list(clipped(metric, low, high)), "nice": False}
