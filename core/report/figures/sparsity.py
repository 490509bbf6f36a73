"""Sparsity against score: what a smaller model costs, and which settings nothing dominates."""

from __future__ import annotations

from collections.abc import Sequence

from core.report.choose import sign_of
from core.report.evidence import Evidence
from core.report.figures.frame import Frame, frame_of
from core.report.figures.theme import (
    HEIGHT,
    INK,
    PAPER,
    WIDTH,
    Drawing,
    Row,
    Spec,
    colour,
    decimated,
    in_rank,
    score_axis,
    shown_arms,
)
from core.report.finding import chosen_of
from core.report.measure import bounds_of
from core.report.report import Report
from core.report.words import amount, head_words, metric_words


def applies(report: Report, evidence: Evidence) -> bool:
    """Only where some setting has exact zeros: without them there is nothing to trade."""
    return any(row["zeros"] for row in _rows(report))


def title(report: Report, evidence: Evidence) -> str:
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


def drawing(report: Report, evidence: Evidence) -> Drawing:
    rows = _rows(report)
    frame = _frame(report, rows)
    seen = [row for row in rows if frame.holds(float(row["y"] or 0))]
    name = head_words(report.metric, report.method.unit)
    y = score_axis(report.metric, name, frame.domain, field="y")
    most = max(float(row["zeros"] or 0) for row in seen)
    x = {
        "field": "zeros",
        "type": "quantitative",
        "scale": {"domain": [0, most or 1], "nice": False, "padding": 8},
        "axis": {"title": "weights that are exactly zero", "format": ".0%", "tickCount": 5},
    }
    size: Spec = {"field": "chosen", "type": "quantitative", "legend": None}
    size["scale"] = {"domain": [0, 1], "range": [40, 170]}
    body = {
        "width": WIDTH,
        "height": HEIGHT,
        "layer": [
            _line(x, y, _front(report, seen)),
            {
                "data": {"values": decimated(seen, [bool(row["chosen"]) for row in seen])},
                "mark": {"type": "point", "filled": True, "stroke": PAPER, "strokeWidth": 0.8},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": colour(report, symbol="circle"),
                    "opacity": {"value": 0.9},
                    "size": size,
                },
            },
        ],
    }
    subtitle = (
        "One point per setting, larger where the arm's rule chose it. The line joins those that no "
        "other beats in both."
    )
    return Drawing(subtitle + frame.words("setting"), body)


def _line(x: Spec, y: Spec, front: Sequence[Row]) -> Spec:
    return {
        "data": {"values": list(front)},
        "mark": {
            "type": "line",
            "interpolate": "step-before",
            "color": INK,
            "opacity": 0.45,
            "strokeWidth": 1.5,
        },
        "encoding": {"x": x, "y": y, "order": {"field": "zeros", "type": "quantitative"}},
    }


def _frame(report: Report, rows: Sequence[Row]) -> Frame:
    best = [chosen.scores[report.metric].mean for _, chosen in in_rank(report)[:1]]
    scores = [float(row["y"] or 0) for row in rows]
    return frame_of(scores, ends=best, limits=bounds_of(report.metric))


def _rows(report: Report) -> list[Row]:
    rows: list[Row] = []
    for arm in shown_arms(report):
        chosen = chosen_of(arm, report.method.rule)
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
