"""Curves from (0, 0) to (1, 1) whose area is a score: one for each arm, and what to say of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.report.classified import Curve
from core.report.evidence import Evidence, Predictions
from core.report.figures.best import CLASSES_MAX, has_probabilities, predicted_arms
from core.report.figures.theme import HEIGHT, MUTED, WIDTH, Row, Spec, colour, dash
from core.report.report import Report
from core.report.words import listed, number


def curves_of(
    report: Report, evidence: Evidence, curve: Callable[[Predictions], Curve | None]
) -> dict[str, Curve]:
    """By arm; none where there are no probabilities, or too many classes to read."""
    if not has_probabilities(report, evidence) or len(evidence.classes) > CLASSES_MAX:
        return {}
    found = {arm.name: curve(answers) for arm, answers in predicted_arms(report, evidence)}
    return {name: of_arm for name, of_arm in found.items() if of_arm is not None}


def over_chance(report: Report, rows: list[Row], x: Spec, y: Spec, chance: list[Row]) -> Spec:
    """The arms' curves, and the thin line of chance through these points."""
    thin = {"type": "line", "color": MUTED, "strokeWidth": 1, "clip": True}
    below = {"data": {"values": chance}, "mark": thin, "encoding": {"x": x, "y": y}}
    return {"width": WIDTH, "height": HEIGHT, "layer": [below, lines(report, rows, x, y)]}


def rate(field: str, title: str, least: float = 0.0, most: float = 1.0) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [least, most], "nice": False, "zero": False},
        "axis": {"title": title, "format": ".3~%", "tickCount": 5, "labelOverlap": True},
    }


def lines(report: Report, rows: list[Row], x: Spec, y: Spec) -> Spec:
    names = list(dict.fromkeys(str(row["arm"]) for row in rows))
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "strokeWidth": 2, "clip": True},
        "encoding": {
            "x": x,
            "y": y,
            "color": colour(report, only=names),
            "strokeDash": dash(report, only=names),
            "order": {"field": "at", "type": "quantitative"},
        },
    }


def curve_rows(name: str, curve: Curve) -> list[Row]:
    points = zip(curve.x_G.tolist(), curve.y_G.tolist(), strict=True)
    return [{"arm": name, "x": x, "y": y, "at": i} for i, (x, y) in enumerate(points)]


def best_area(what: str, curves: Mapping[str, Curve]) -> str:
    """`l2 has the largest …: 0.992, none 0.99`; all of them where they are equal."""
    order = sorted(curves, key=lambda name: -curves[name].area)
    areas = {name: number(curves[name].area, 4) for name in order}
    if len(order) == 1:
        return f"{order[0]} has an {what} of {areas[order[0]]}"
    first = [name for name in order if areas[name] == areas[order[0]]]
    last = order[-1]
    if len(first) == len(order):
        return f"All arms have an {what} of {areas[order[0]]}"
    verb = "has" if len(first) == 1 else "have"
    most = f"{listed(first)} {verb} the largest {what}, {areas[first[0]]}"
    return f"{most}; {last} the least, {areas[last]}"


def areas_words(curves: Mapping[str, Curve]) -> str:
    if len(curves) == 1:
        return ""
    return f" Areas: {listed([f'{name} {number(c.area, 4)}' for name, c in curves.items()])}."


def sides_words(evidence: Evidence, curves: Mapping[str, Curve]) -> str:
    """What is told from what, and of how many curves each is the mean."""
    count = max(curve.curves for curve in curves.values())
    if len(evidence.classes) == 2:
        parts = f", mean over {count} test parts" if count > 1 else ""
        return f"{evidence.classes[1]} told from {evidence.classes[0]}{parts}."
    return f"Each class told from the rest, mean over classes and test parts ({count} curves)."
