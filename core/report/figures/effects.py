"""What each arm gains over the one it is measured against, and what would not matter."""

from __future__ import annotations

from collections.abc import Sequence

from core.report.choose import sign_of
from core.report.figures.theme import (
    GRID,
    INK,
    MUTED,
    WIDTH,
    Row,
    Spec,
    colour,
    document,
    shown_arms,
)
from core.report.records import CurveRecord
from core.report.report import Arm, Report
from core.report.together import Selection
from core.report.verdict import ranked
from core.report.words import differences, is_share, metric_words, unit_of_difference


def applies(report: Report) -> bool:
    return bool(_rows(report))


def title(report: Report) -> str:
    rows = _rows(report)
    against = _reference(report)
    assert against is not None, "a figure of effects without a reference"
    best = max(rows, key=lambda row: (row["verdict"] == "better", float(row["gain"] or 0)))
    gain = float(best["gain"] or 0) / (100 if is_share(report.metric) else 1)
    size = differences(report.method.compared_metric, [abs(gain)])[0]
    unit = unit_of_difference(report.method.compared_metric, size)
    if gain <= 0:
        return f"No arm scores better than {against.name}"
    if best["verdict"] != "better":
        sure = "equivalent" if best["verdict"] == "equivalent" else "undecided"
        return f"{best['arm']} gains {size}{unit} over {against.name}: {sure}"
    return f"{best['arm']} gains {size}{unit} over {against.name}"


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    rows = _rows(report)
    scale = 100 if is_share(report.metric) else 1
    region = scale * report.method.practical
    what = metric_words(report.method.compared_metric)
    unit = " (percentage points)" if is_share(report.metric) else ""
    order = [arm.name for arm in shown_arms(report)]
    y = {
        "field": "arm",
        "type": "nominal",
        "sort": order,
        "axis": {"title": None, "labelFontSize": 12, "labelColor": INK},
    }
    against = _reference(report)
    x = {
        "field": "gain",
        "type": "quantitative",
        "scale": {"nice": True},
        "axis": {
            "title": f"{what} gained over {against.name if against else ''}{unit}",
            "format": "+~g",
            "tickCount": 7,
            "titleLimit": 500,
        },
    }
    subtitle = (
        "Paired difference with its 95 % interval, positive is better; the shaded band is "
        "the region of practical equivalence. Filled: better or worse after Holm's correction."
    )
    paint = colour(report, legend=False)
    body = {
        "width": WIDTH - 60,
        "height": {"step": 42},
        "data": {"values": rows},
        "layer": [
            {
                "data": {"values": [{"low": -region, "high": region}]},
                "mark": {"type": "rect", "color": GRID, "opacity": 0.8},
                "encoding": {
                    "x": {**x, "field": "low"},
                    "x2": {"field": "high"},
                },
            },
            {
                "data": {"values": [{"gain": 0}]},
                "mark": {"type": "rule", "color": MUTED, "strokeDash": [4, 3]},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 3},
                "encoding": {
                    "y": y,
                    "x": {**x, "field": "low"},
                    "x2": {"field": "high"},
                    "color": paint,
                },
            },
            {
                "mark": {"type": "point", "size": 130, "opacity": 1, "strokeWidth": 2.5},
                "encoding": {
                    "y": y,
                    "x": x,
                    "color": paint,
                    "fill": {
                        "condition": {
                            "test": {"field": "sure", "equal": 1},
                            **{k: v for k, v in paint.items() if k != "legend"},
                            "legend": None,
                        },
                        "value": "#ffffff",
                    },
                },
            },
        ],
    }
    return document(report, title(report), subtitle, body)


def _reference(report: Report) -> Arm | None:
    """The baseline; without one the best arm."""
    arms = shown_arms(report)
    baseline = next((arm for arm in arms if arm.baseline), None)
    if baseline:
        return baseline
    selection = Selection(report.metric, report.method.rule, None)
    order = ranked(arms, selection, report.direction)
    return order[0][0] if order else None


def _rows(report: Report) -> list[Row]:
    against = _reference(report)
    shown = {arm.name for arm in shown_arms(report)}
    scale = sign_of(report.direction) * (100 if is_share(report.metric) else 1)
    rows: list[Row] = []
    for pair in report.pairs:
        if against is None or pair.difference is None or against.name not in (pair.a, pair.b):
            continue
        other, side = (pair.b, -scale) if pair.a == against.name else (pair.a, scale)
        if other not in shown:
            continue
        ends = sorted(side * end for end in (pair.ci95 or (pair.difference, pair.difference)))
        decided = pair.verdict in ("better", "worse")
        verdict = "better" if decided and side * pair.difference > 0 else pair.verdict
        rows.append(
            {
                "arm": other,
                "gain": side * pair.difference,
                "low": ends[0],
                "high": ends[1],
                "sure": int(decided),
                "verdict": verdict if verdict == "better" or not decided else "worse",
            }
        )
    return rows
