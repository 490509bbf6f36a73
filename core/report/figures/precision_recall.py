"""Precision against recall, by arm: what finding more costs in wrong finds."""

from __future__ import annotations

from core.report.classified import Curve, positive_share
from core.report.evidence import Evidence
from core.report.figures.areas import (
    areas_words,
    best_area,
    curve_rows,
    curves_of,
    over_chance,
    rate,
    sides_words,
)
from core.report.figures.best import predicted_arms
from core.report.figures.theme import Drawing, Row
from core.report.report import Report


def applies(report: Report, evidence: Evidence) -> bool:
    return bool(_curves(report, evidence))


def title(report: Report, evidence: Evidence) -> str:
    return best_area("average precision", _curves(report, evidence))


def drawing(report: Report, evidence: Evidence) -> Drawing:
    curves = _curves(report, evidence)
    rows: list[Row] = [row for name, curve in curves.items() for row in curve_rows(name, curve)]
    chance = positive_share(predicted_arms(report, evidence)[0][1])
    least = min(float(row["y"] or 0) for row in rows)
    x, y = rate("x", "recall"), rate("y", "precision", max(0.0, least - 0.02))
    body = over_chance(report, rows, x, y, [{"x": 0, "y": chance}, {"x": 1, "y": chance}])
    subtitle = (
        f"{sides_words(evidence, curves)} Chance is {100 * chance:.1f} %.{areas_words(curves)}"
    )
    return Drawing(subtitle, body)


def _curves(report: Report, evidence: Evidence) -> dict[str, Curve]:
    return curves_of(report, evidence, lambda answers: answers.precision_recall)
