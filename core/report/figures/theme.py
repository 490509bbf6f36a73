"""What all figures share: size, colours, titles. Specs are plain Vega-Lite; no client string is
ever a field name or an expression."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.report.report import Arm, Report
from core.report.together import Selection
from core.report.verdict import ranked
from core.report.words import is_share

Spec = dict[str, Any]  # Any: a Vega-Lite document is JSON of many shapes
Row = dict[str, str | float | None]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
WIDTH = 520  # of the plot; with axes and legend an image of about 600 pixels
POINTS_MAX = 1000  # a curve; more than a 600-pixel plot can show
LEGEND_LABEL = 160  # pixels; a longer name is cut with an ellipsis
LEGEND_SYMBOL = 34  # pixels of the symbol and the gaps on both its sides
LETTER = 7  # pixels of a wide letter of a legend
ARMS_MAX = 8  # as many colours as most people can tell apart

INK, MUTED, GRID, PAPER = "#1f2933", "#5f6c7b", "#e4e8ed", "#ffffff"
BASELINE = "#6f7782"
# Okabe and Ito's colours, safe for colour-blind readers; its yellow, too pale on white, left out
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4ea3", "#8c564b")
# the renderer measures text in Liberation Sans; these have its widths, so labels stay in place
FONT = "Helvetica, Arial, Liberation Sans, sans-serif"


@dataclass(frozen=True)
class Figure:
    """A title that says something, and the Vega-Lite document."""

    title: str
    spec: Spec


def shown_arms(report: Report) -> list[Arm]:
    """The arms a figure shows, in the report's order: the best few and the baseline."""
    selection = Selection(report.metric, report.method.rule, None)
    best = [arm.name for arm, _ in ranked(report.arms, selection, report.direction)]
    baseline = [arm.name for arm in report.arms if arm.baseline and arm.name in best]
    kept = set([*baseline, *(name for name in best if name not in baseline)][:ARMS_MAX])
    return [arm for arm in report.arms if arm.name in kept]


def colour_of(report: Report) -> Spec:
    """The scale that gives an arm the same colour in every figure; grey is the baseline."""
    arms = shown_arms(report)
    others = [arm.name for arm in arms if not arm.baseline]
    colours = dict(zip(others, COLOURS, strict=False))
    return {
        "domain": [arm.name for arm in arms],
        "range": [colours.get(arm.name, BASELINE) for arm in arms],
    }


def colour(report: Report, *, legend: bool = True) -> Spec:
    """The colour channel over the field `arm`."""
    columns = _legend_columns([arm.name for arm in shown_arms(report)])
    return {
        "field": "arm",
        "type": "nominal",
        "scale": colour_of(report),
        "legend": {"title": None, "orient": "top", "symbolOpacity": 1, "columns": columns}
        if legend
        else None,
    }


def _legend_columns(names: Sequence[str]) -> int:
    """As many as fit the plot; a column is as wide as the longest name in it."""
    widths = [min(LETTER * len(name), LEGEND_LABEL) + LEGEND_SYMBOL for name in names]
    fitting = (
        count
        for count in range(len(names), 1, -1)
        if sum(max(widths[column::count]) for column in range(count)) <= WIDTH
    )
    return next(fitting, 1)


def score_axis(metric: str, title: str, **more: object) -> Spec:
    """A quantitative channel for a score: not from zero, shares in per cent."""
    axis = {"title": title, **({"format": ".3~%"} if is_share(metric) else {})}
    return {"type": "quantitative", "scale": {"zero": False, "nice": True}, "axis": axis, **more}


def document(report: Report, title: str, subtitle: str, body: Spec) -> Spec:
    """A whole Vega-Lite document around a view."""
    hidden = len(report.arms) - len(shown_arms(report))
    aside = f" {hidden} more arms are in the table." if hidden > 0 else ""
    return {
        "$schema": SCHEMA,
        "description": title,
        "title": {
            "text": textwrap.wrap(title, 64) or [""],
            "subtitle": textwrap.wrap(subtitle + aside, 90),
        },
        "config": CONFIG,
        **body,
    }


def decimated(rows: Sequence[Row], keep: Sequence[bool]) -> list[Row]:
    """At most POINTS_MAX rows, evenly, first and last and all that must be kept."""
    if len(rows) <= POINTS_MAX:
        return list(rows)
    spare = POINTS_MAX - sum(keep) - 1
    even = {round(i * (len(rows) - 1) / spare) for i in range(spare + 1)}
    return [row for i, row in enumerate(rows) if i in even or keep[i]]


CONFIG: Spec = {
    "background": PAPER,
    "font": FONT,
    "padding": 12,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "fontSize": 15,
        "fontWeight": 600,
        "color": INK,
        "subtitleColor": MUTED,
        "subtitleFontSize": 11.5,
        "subtitlePadding": 5,
        "lineHeight": 19,
        "subtitleLineHeight": 15,
        "offset": 14,
    },
    "axis": {
        "labelColor": MUTED,
        "titleColor": INK,
        "labelFontSize": 11,
        "titleFontSize": 12,
        "titleFontWeight": 500,
        "gridColor": GRID,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "domain": False,
        "ticks": False,
        "labelPadding": 6,
        "titlePadding": 10,
        "labelLimit": 180,
    },
    "axisX": {"domain": True, "ticks": True, "grid": False},
    "legend": {
        "labelColor": INK,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 11,
        "symbolStrokeWidth": 2.5,
        "labelLimit": LEGEND_LABEL,
        "padding": 0,
        "offset": 10,
        # one below the other: side by side two would make the figure wider than its plot
        "layout": {"top": {"direction": "vertical", "anchor": "start", "margin": 6}},
    },
    "header": {"labelColor": INK, "labelFontSize": 12, "titleColor": INK},
}
