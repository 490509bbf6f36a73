"""ROC curves: what a higher hit rate costs in false alarms, by arm."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from core.report.classified import Curve
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
from core.report.figures.theme import Drawing, Row
from core.report.report import Report

ALL = 0.9995  # of the positives, rounded to all
EARLY = 0.5  # false positive rate up to which an early top is worth a closer look


def applies(report: Report, evidence: Evidence) -> bool:
    return bool(_curves(report, evidence))


def title(report: Report, evidence: Evidence) -> str:
    return best_area("area under the ROC curve", _curves(report, evidence))


def drawing(report: Report, evidence: Evidence) -> Drawing:
    curves = _curves(report, evidence)
    most = _end(curves)
    rows: list[Row] = [row for name, curve in curves.items() for row in curve_rows(name, curve)]
    seen = [row for row in rows if float(row["x"] or 0) <= most]
    least = min(float(row["y"] or 0) for row in seen)
    x = rate("x", "false positive rate", most=most)
    y = rate("y", "true positive rate", 0.0 if most == 1 else least)
    body = over_chance(report, seen, x, y, [{"x": 0, "y": 0}, {"x": most, "y": most}])
    chance = "The thin line is chance." if most == 1 else f"Right of {100 * most:.3g} % all hit."
    return Drawing(f"{sides_words(evidence, curves)} {chance}{areas_words(curves)}", body)


def _end(curves: Mapping[str, Curve]) -> float:
    """Where all curves have reached the top, if that is early: the rest would show nothing."""
    below_G = np.any([curve.y_G < ALL for curve in curves.values()], axis=0)
    x_G = next(iter(curves.values())).x_G
    end = float(x_G[min(int(below_G.sum()) + 1, len(x_G) - 1)])
    return end if end <= EARLY else 1.0


def _curves(report: Report, evidence: Evidence) -> dict[str, Curve]:
    return curves_of(report, evidence, lambda answers: answers.roc)
