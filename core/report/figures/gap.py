"""Generalisation gap: training, validation and test score of each arm's chosen setting."""

from __future__ import annotations

from collections.abc import Sequence

from core.report.figures.theme import (
    GRID,
    INK,
    PAPER,
    WIDTH,
    Row,
    Spec,
    document,
    score_axis,
    shown_arms,
)
from core.report.records import CurveRecord
from core.report.report import Report
from core.report.verdict import chosen_of
from core.report.words import (
    SPLITS,
    base_of,
    differences,
    listed,
    unit_of_difference,
)

SPLIT_COLOURS = ("#9aa5b1", "#0072b2", "#d55e00")


def applies(report: Report) -> bool:
    return bool(_rows(report))


def title(report: Report) -> str:
    gaps = {
        arm.name: chosen.gap
        for arm in shown_arms(report)
        if (chosen := chosen_of(arm, report.method.rule)) and chosen.gap is not None
    }
    if not gaps:
        return f"{base_of(report.metric).replace('_', ' ').capitalize()} by arm"
    least, most = min(gaps, key=gaps.__getitem__), max(gaps, key=gaps.__getitem__)
    if gaps[most] <= 0:
        return "No arm scores better in training than in validation"
    small, large = differences(report.metric, [gaps[least], gaps[most]])
    unit = unit_of_difference(report.metric)
    if least == most:
        return f"{least} is {small}{unit} better in training than in validation"
    return f"{least} overfits least ({small}{unit} gap), {most} most ({large})"


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    rows = _rows(report)
    splits = [name for name in SPLITS.values() if any(row["split"] == name for row in rows)]
    x = score_axis(report.metric, base_of(report.metric).replace("_", " "), field="score")
    x["axis"] = {**x["axis"], "grid": True, "tickCount": 7}
    y = {
        "field": "arm",
        "type": "nominal",
        "sort": [arm.name for arm in shown_arms(report)],
        "axis": {"title": None, "labelFontSize": 12, "labelColor": INK},
    }
    colours = dict(zip(SPLITS.values(), SPLIT_COLOURS, strict=True))
    points = {
        "x": x,
        "y": y,
        "color": {
            "field": "split",
            "type": "nominal",
            "scale": {"domain": splits, "range": [colours[name] for name in splits]},
            "legend": {"title": None, "orient": "top"},
        },
    }
    shape = {
        "field": "split",
        "type": "nominal",
        "scale": {"domain": splits, "range": ["square", "circle", "diamond"][: len(splits)]},
        "legend": {"title": None, "orient": "top"},
    }
    subtitle = (
        f"Mean {listed([*splits])} {base_of(report.metric).replace('_', ' ')} of the chosen "
        f"settings; the lines are 95 % intervals."
    )
    body = {
        "width": WIDTH - 60,
        "height": {"step": 42},
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "line", "color": GRID, "strokeWidth": 7, "strokeCap": "round"},
                "encoding": {"x": x, "y": y, "detail": {"field": "arm"}},
            },
            {
                "mark": {"type": "rule", "strokeWidth": 1.6},
                "encoding": {
                    **points,
                    "x": {**x, "field": "low"},
                    "x2": {"field": "high"},
                },
            },
            {
                "mark": {
                    "type": "point",
                    "filled": True,
                    "size": 110,
                    "opacity": 1,
                    "stroke": PAPER,
                    "strokeWidth": 1,
                },
                "encoding": {**points, "shape": shape},
            },
        ],
    }
    return document(report, title(report), subtitle, body)


def _rows(report: Report) -> list[Row]:
    base = base_of(report.metric)
    rows: list[Row] = []
    for arm in shown_arms(report):
        chosen = chosen_of(arm, report.method.rule)
        for split, words in SPLITS.items():
            score = chosen.scores.get(f"{split}_{base}") if chosen else None
            if score:
                low, high = score.ci95 or (score.mean, score.mean)
                rows.append(
                    {
                        "arm": arm.name,
                        "split": words,
                        "score": score.mean,
                        "low": low,
                        "high": high,
                    }
                )
    return rows
