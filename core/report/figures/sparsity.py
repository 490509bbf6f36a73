"""Sparsity against score: what a smaller model costs, and which settings nothing dominates."""

from __future__ import annotations

from collections.abc import Sequence

from core.report.choose import sign_of
from core.report.figures.theme import (
    INK,
    PAPER,
    WIDTH,
    Row,
    Spec,
    colour,
    decimated,
    document,
    score_axis,
    shown_arms,
)
from core.report.records import CurveRecord
from core.report.report import Report
from core.report.words import amount, metric_words


def applies(report: Report) -> bool:
    """Only where some setting has exact zeros: without them there is nothing to trade."""
    return any(row["zeros"] for row in _rows(report))


def title(report: Report) -> str:
    """The most zeros that cost nothing against the baseline, else against the arm's own best."""
    rows, what = _rows(report), metric_words(report.metric)
    baseline = _baseline(report, rows)
    least = _least_quality(report, rows, baseline)
    sign = sign_of(report.direction)
    free = [r for r in rows if r["zeros"] and sign * float(r["y"] or 0) >= least[r["arm"]]]
    if not free:
        whose = f"{baseline['arm']}'s" if baseline else "its arm's best"
        return f"No setting with zeros keeps {whose} {what}"
    sparsest = max(free, key=lambda row: float(row["zeros"] or 0))
    share = f"{100 * float(sparsest['zeros'] or 0):.0f} %"
    score = amount(report.metric, float(sparsest["y"] or 0))
    beside = ""
    if baseline and sparsest["arm"] != baseline["arm"]:
        beside = f"; {baseline['arm']} has {amount(report.metric, float(baseline['y'] or 0))}"
    return f"{share} of the weights can be zero ({sparsest['arm']}) at {score} {what}{beside}"


def _baseline(report: Report, rows: Sequence[Row]) -> Row | None:
    """The chosen setting of the arm to be measured against."""
    named = {arm.name for arm in report.arms if arm.baseline}
    return next((row for row in rows if row["arm"] in named and row["chosen"]), None)


def _least_quality(
    report: Report, rows: Sequence[Row], baseline: Row | None
) -> dict[str | float | None, float]:
    """By arm, the signed score from which zeros cost nothing that matters."""
    sign = sign_of(report.direction)
    best: dict[str | float | None, float] = {}
    for row in rows:
        score = sign * float((baseline or row)["y"] or 0) - report.method.practical
        best[row["arm"]] = max(best.get(row["arm"], score), score)
    return best


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    rows = _rows(report)
    y = score_axis(report.metric, metric_words(report.metric), field="y")
    x = {
        "field": "zeros",
        "type": "quantitative",
        "scale": {"domain": [0, 1]},
        "axis": {"title": "weights that are exactly zero", "format": ".0%", "grid": True},
    }
    kept = decimated(rows, [False] * len(rows))
    subtitle = (
        "One point per setting, larger where the arm's rule chose it. The line joins those that no "
        "other beats in both."
    )
    body = {
        "width": WIDTH,
        "height": 280,
        "layer": [
            {
                "data": {"values": _front(report, rows)},
                "mark": {
                    "type": "line",
                    "interpolate": "step-before",
                    "color": INK,
                    "opacity": 0.45,
                    "strokeWidth": 1.5,
                },
                "encoding": {"x": x, "y": y, "order": {"field": "zeros", "type": "quantitative"}},
            },
            {
                "data": {"values": kept},
                "mark": {"type": "point", "filled": True, "stroke": PAPER, "strokeWidth": 0.8},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": colour(report),
                    "opacity": {"value": 0.9},
                    "size": {
                        "field": "chosen",
                        "type": "quantitative",
                        "scale": {"domain": [0, 1], "range": [50, 190]},
                        "legend": None,
                    },
                },
            },
        ],
    }
    return document(report, title(report), subtitle, body)


def _rows(report: Report) -> list[Row]:
    rows: list[Row] = []
    for arm in shown_arms(report):
        chosen = arm.chosen.min if report.method.rule == "min" else arm.chosen.one_se
        for setting in arm.settings:
            score = setting.scores.get(report.metric)
            if score is not None and setting.zeros is not None:
                taken = chosen is not None and setting.setting == chosen.setting
                rows.append(
                    {
                        "arm": arm.name,
                        "zeros": setting.zeros,
                        "y": score.mean,
                        "chosen": int(taken),
                    }
                )
    return rows


def _front(report: Report, rows: Sequence[Row]) -> list[Row]:
    """Settings that none beats in both score and zeros, from best score to most zeros."""
    sign = sign_of(report.direction)
    front: list[Row] = []
    ordered = sorted(rows, key=lambda r: (-sign * float(r["y"] or 0), -float(r["zeros"] or 0)))
    for row in ordered:
        if not front or float(row["zeros"] or 0) > float(front[-1]["zeros"] or 0):
            front.append(row)
    return front
