"""Is a probability of 90 % right nine times in ten? The best arm beside the baseline."""

from __future__ import annotations

import numpy as np

from core.report.classified import BINS, Reliability, reliability
from core.report.evidence import Evidence
from core.report.figures.best import best_predicted, has_probabilities, predicted_arms, rows_words
from core.report.figures.theme import (
    HEIGHT,
    MUTED,
    WIDTH,
    Drawing,
    Row,
    Spec,
    colour,
    dash,
)
from core.report.report import Report

applies = has_probabilities
SURE = 0.01  # confidence and accuracy closer than this agree


def title(report: Report, evidence: Evidence) -> str:
    name, found = next(iter(_found(report, evidence).items()))
    sure = float(np.nansum(found.confidence_K * found.share_K))
    right = float(np.nansum(found.accuracy_K * found.share_K))
    ece = f"ECE {100 * found.ece:.1f} %"
    if abs(sure - right) < SURE:
        return f"{name} is right as often as it is sure: {100 * right:.1f} %; {ece}"
    way = "overconfident" if sure > right else "underconfident"
    return f"{name} is {way}: {100 * sure:.1f} % sure, {100 * right:.1f} % right; {ece}"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    found = _found(report, evidence)
    rows = [row for name, one in found.items() for row in _rows(name, one)]
    least = min(float(row["x"] or 0) for row in rows)
    lowest = min(least, *(float(row["y"] or 0) for row in rows))
    x = _channel("x", "largest probability (confidence)", least)
    y = _channel("y", "share that is right", lowest)
    names = list(found)
    paint = colour(report, only=names)
    size: Spec = {"field": "share", "type": "quantitative", "legend": None}
    size["scale"] = {"domain": [0, 1], "range": [15, 260]}
    body = {
        "width": WIDTH,
        "height": HEIGHT,
        "layer": [
            {
                "data": {"values": [{"x": least, "y": least}, {"x": 1, "y": 1}]},
                "mark": {"type": "line", "color": MUTED, "strokeWidth": 1, "clip": True},
                "encoding": {"x": x, "y": y},
            },
            {
                "data": {"values": rows},
                "mark": {"type": "line", "strokeWidth": 2},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": paint,
                    "strokeDash": dash(report, only=names),
                },
            },
            {
                "data": {"values": rows},
                "mark": {"type": "point", "filled": True, "opacity": 0.9},
                "encoding": {"x": x, "y": y, "color": paint, "size": size},
            },
        ],
    }
    subtitle = (
        f"{rows_words(evidence.predictions[names[0]])} in {BINS} bins of confidence; a larger "
        "circle has more of them. On the thin line confidence is earned, below it is too high. "
        "ECE is of all rows together; the mean over test parts is larger."
    )
    return Drawing(subtitle, body)


def _channel(field: str, title: str, least: float) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [least, 1], "nice": False, "zero": False},
        "axis": {"title": title, "format": ".3~%", "tickCount": 5, "labelOverlap": True},
    }


def _found(report: Report, evidence: Evidence) -> dict[str, Reliability]:
    """The best arm with probabilities first, then the baseline."""
    known = {arm.name: answers for arm, answers in predicted_arms(report, evidence)}
    found = best_predicted(report, evidence)
    best = found[0].name if found and found[0].name in known else next(iter(known))
    baseline = [arm.name for arm in report.arms if arm.baseline and arm.name in known]
    return {name: reliability(known[name]) for name in dict.fromkeys([best, *baseline])}


def _rows(name: str, found: Reliability) -> list[Row]:
    columns = (found.confidence_K.tolist(), found.accuracy_K.tolist(), found.share_K.tolist())
    return [
        {"arm": name, "x": sure, "y": right, "share": share}
        for sure, right, share in zip(*columns, strict=True)
        if share > 0
    ]
