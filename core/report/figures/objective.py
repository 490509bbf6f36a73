"""What the objective J is made of: the data term and every λ·R, at the chosen settings."""

from __future__ import annotations

from collections.abc import Sequence

from core.report.figures.theme import (
    INK,
    PAPER,
    WIDTH,
    Row,
    Spec,
    document,
    shown_arms,
)
from core.report.records import CurveRecord
from core.report.report import Chosen, Report
from core.report.verdict import chosen_of

DATA = "data term"
SHADES = ("#9fb3c8", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#7a4ea3", "#8c564b")
TERM = "term/"


def applies(report: Report) -> bool:
    """Only where some arm pays a penalty."""
    return bool(_shares(report))


def title(report: Report) -> str:
    shares = _shares(report)
    most = max(shares, key=lambda name: shares[name])
    return f"The penalty is {100 * shares[most]:.0f} % of what {most} minimises"


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    rows = _rows(report)
    parts = list(dict.fromkeys(str(row["part"]) for row in rows))
    parts.sort(key=lambda part: part != DATA)
    shades = [SHADES[i % len(SHADES)] for i in range(len(parts))]
    y = {
        "field": "arm",
        "type": "nominal",
        "sort": [arm.name for arm in shown_arms(report)],
        "axis": {"title": None, "labelFontSize": 12, "labelColor": INK},
    }
    body = {
        "width": WIDTH - 60,
        "height": {"step": 42},
        "data": {"values": rows},
        "mark": {"type": "bar", "height": 20, "stroke": PAPER, "strokeWidth": 1},
        "encoding": {
            "y": y,
            "x": {
                "field": "value",
                "type": "quantitative",
                "axis": {"title": "objective J on the training part", "grid": True, "tickCount": 7},
            },
            "color": {
                "field": "part",
                "type": "nominal",
                "scale": {"domain": parts, "range": shades},
                "legend": {"title": None, "orient": "top", "columns": 4},
            },
            "order": {"field": "rank", "type": "quantitative"},
        },
    }
    subtitle = "Means over replicates at the reported weights: J = data term + Σ λ·R."
    return document(report, title(report), subtitle, body)


def _rows(report: Report) -> list[Row]:
    rows: list[Row] = []
    for arm in shown_arms(report):
        chosen = chosen_of(arm, report.method.rule)
        for rank, (part, value) in enumerate(_parts(chosen).items()):
            rows.append({"arm": arm.name, "part": part, "value": value, "rank": rank})
    return rows


def _parts(chosen: Chosen | None) -> dict[str, float]:
    """The data term first, then the penalties that are not zero."""
    if chosen is None or "objective" not in chosen.measures:
        return {}
    terms = {
        name.removeprefix(TERM): score.mean
        for name, score in chosen.measures.items()
        if name.startswith(TERM) and score.mean != 0
    }
    whole = chosen.measures["objective"].mean
    return {DATA: whole - sum(terms.values()), **terms}


def _shares(report: Report) -> dict[str, float]:
    """Of each arm with a penalty, its share of the objective."""
    shares = {}
    for arm in shown_arms(report):
        parts = _parts(chosen_of(arm, report.method.rule))
        whole = sum(parts.values())
        if len(parts) > 1 and whole > 0:
            shares[arm.name] = 1 - parts[DATA] / whole
    return shares
