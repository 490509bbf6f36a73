"""Precision, recall and F1 of every class, by the best arm's test rows: a table."""

from __future__ import annotations

from math import isnan

import numpy as np

from core.report.classified import PerClass, confusion, per_class
from core.report.evidence import Evidence
from core.report.figures.best import best_predicted, colour_named, has_classes, rows_words
from core.report.figures.theme import INK, WIDTH, Drawing, Row, Spec
from core.report.report import Arm, Report

applies = has_classes
COLUMNS = ("precision", "recall", "F1", "rows")
LABELS = 70  # pixels left of the table, within its width
SHADE = 0.5  # the most that a cell is tinted, so that its number stays legible


def title(report: Report, evidence: Evidence) -> str:
    _, found = _found(report, evidence)
    known = np.flatnonzero(np.isfinite(found.f1_C))
    worst = known[found.f1_C[known].argmin()]
    best = known[found.f1_C[known].argmax()]
    low, high = found.f1_C[worst], found.f1_C[best]
    if low == high:
        return f"All classes are told apart equally well: F1 {100 * low:.1f} %"
    return (
        f"{evidence.classes[worst]} is the hardest class (F1 {100 * low:.1f} %), "
        f"{evidence.classes[best]} the easiest ({100 * high:.1f} %)"
    )


def drawing(report: Report, evidence: Evidence) -> Drawing:
    arm, found = _found(report, evidence)
    rows = _rows(evidence, found)
    tinted = {
        "field": "tint",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [0, SHADE]},
        "legend": None,
    }
    axis: Spec = {"title": None, "labelColor": INK, "labelFontSize": 12}
    body = {
        "width": WIDTH - LABELS + 40,
        "height": {"step": 26},
        "data": {"values": rows},
        "encoding": {
            "x": {
                "field": "measure",
                "type": "nominal",
                "sort": list(COLUMNS),
                "axis": {**axis, "orient": "top", "labelAngle": 0}
                | {"domain": False, "ticks": False},
            },
            "y": {
                "field": "class",
                "type": "nominal",
                "sort": list(evidence.classes),
                "axis": {**axis, "labelLimit": 90},
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "color": colour_named(report, arm)},
                "encoding": {"opacity": tinted},
            },
            {
                "mark": {"type": "text", "fontSize": 12, "color": INK},
                "encoding": {"text": {"field": "told", "type": "nominal"}},
            },
        ],
    }
    answers = evidence.predictions[arm.name]
    subtitle = (
        f"{arm.name} on {rows_words(answers)}. Precision: right among those taken for the class; "
        "recall: right among those of it. The darker, the worse."
    )
    return Drawing(subtitle, body)


def _found(report: Report, evidence: Evidence) -> tuple[Arm, PerClass]:
    best = best_predicted(report, evidence)
    assert best is not None, "a table of classes without predictions"
    arm, answers = best
    return arm, per_class(confusion(answers, len(evidence.classes)))


def _rows(evidence: Evidence, found: PerClass) -> list[Row]:
    columns = dict(zip(COLUMNS, (found.precision_C, found.recall_C, found.f1_C), strict=False))
    known = [value for column in columns.values() for value in column.tolist() if not isnan(value)]
    worst = min(known, default=0.0)
    rows: list[Row] = []
    for i, name in enumerate(evidence.classes):
        for measure, column_C in columns.items():
            value = float(column_C[i])
            rows.append(
                {
                    "class": name,
                    "measure": measure,
                    "tint": 0.0 if isnan(value) or worst == 1 else (1 - value) / (1 - worst),
                    "told": "–" if isnan(value) else f"{100 * value:.1f} %",
                }
            )
        rows.append(
            {"class": name, "measure": "rows", "tint": 0.0, "told": f"{found.rows_C[i]:,.0f}"}
        )
    return rows
