"""What the objective J is made of: the data term and every λ·R, at the chosen settings."""

from __future__ import annotations

from core.report.evidence import Evidence
from core.report.figures.theme import (
    GRID,
    INK,
    STEP,
    WIDTH,
    Drawing,
    Row,
    arms_axis,
    chosen_arms,
    colour,
)
from core.report.report import Chosen, Report
from core.report.words import listed, number

DATA = "data term"
TERM = "term/"
LABELS = 60  # pixels left of the plot, within its width
SHADES = (1.0, 0.6, 0.35)  # of an arm's colour, for its first penalty, its second and the rest


def applies(report: Report, evidence: Evidence) -> bool:
    """Only where some arm pays a penalty."""
    return bool(_shares(report))


def title(report: Report, evidence: Evidence) -> str:
    shares = _shares(report)
    most = max(shares, key=lambda name: shares[name])
    return f"The penalty is {100 * shares[most]:.0f} % of what {most} minimises"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    rows = _rows(report)
    x = {
        "field": "from",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "nice": False},
        "axis": {"title": "share of the objective J", "format": ".0%", "tickCount": 5},
    }
    y = arms_axis(report)
    bars = {"x": x, "x2": {"field": "to"}, "y": y}
    body = {
        "width": WIDTH - LABELS + 20,
        "height": {"step": STEP},
        "layer": [
            {
                "data": {"values": [row for row in rows if row["part"] == DATA]},
                "mark": {"type": "bar", "height": 12, "color": GRID, "yOffset": 7},
                "encoding": bars,
            },
            {
                "data": {"values": [row for row in rows if row["part"] != DATA]},
                "mark": {"type": "bar", "height": 12, "yOffset": 7},
                "encoding": {
                    **bars,
                    "color": colour(report, symbol=None),
                    "opacity": {"field": "shade", "type": "quantitative", "scale": None},
                },
            },
            {
                "data": {"values": _told(report)},
                "mark": {"type": "text", "align": "left", "x": 0, "dy": -9, "fontSize": 11}
                | {"color": INK},
                "encoding": {"y": y, "text": {"field": "told", "type": "nominal"}},
            },
        ],
    }
    subtitle = (
        "J = data term (pale) + Σ λ·R (in the arm's colour) on the training part, means over "
        "replicates at the reported weights."
    )
    return Drawing(subtitle, body)


def _rows(report: Report) -> list[Row]:
    """Every part of every bar, from where to where."""
    rows: list[Row] = []
    for arm, chosen in chosen_arms(report):
        parts = _parts(chosen)
        whole, at = sum(parts.values()), 0.0
        if not whole > 0:
            continue
        for rank, (part, value) in enumerate(parts.items()):
            end = at + value / whole
            shade = SHADES[min(max(rank - 1, 0), len(SHADES) - 1)]
            rows.append({"arm": arm.name, "part": part, "from": at, "to": end, "shade": shade})
            at = end
    return rows


def _told(report: Report) -> list[Row]:
    """Above each bar: `J = 0.103: l1 30 %`."""
    rows: list[Row] = []
    for arm, chosen in chosen_arms(report):
        parts = _parts(chosen)
        whole = sum(parts.values())
        if not whole > 0:
            continue
        shares = [f"{name} {100 * value / whole:.0f} %" for name, value in parts.items()][1:]
        penalties = listed(shares) if shares else "no penalty"
        rows.append({"arm": arm.name, "told": f"J = {number(whole, 3)}: {penalties}"})
    return rows


def _parts(chosen: Chosen) -> dict[str, float]:
    """The data term first, then the penalties that are not zero."""
    if "objective" not in chosen.measures:
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
    for arm, chosen in chosen_arms(report):
        parts = _parts(chosen)
        whole = sum(parts.values())
        if len(parts) > 1 and whole > 0:
            shares[arm.name] = 1 - parts[DATA] / whole
    return shares
