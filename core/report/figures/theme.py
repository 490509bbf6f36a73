"""What all figures share: size, colours, shapes, titles. Specs are plain Vega-Lite; no client
string is ever a field name or an expression.

A colour is an arm and nothing else; of those for verdicts there is a pair of its own. Parts of the
data differ by shape, terms of an objective by shade. The baseline is grey and dashed.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.report.finding import chosen_of, ranked
from core.report.report import Arm, Chosen, PairVerdict, Report, Score
from core.report.together import Selection
from core.report.words import counted, is_share

Spec = dict[str, Any]  # Any: a Vega-Lite document is JSON of many shapes
Row = dict[str, str | float | None]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
WIDTH = 330  # of the plot; with its axis an image of about 400 pixels, legible on a phone
HEIGHT = 230
STEP = 40  # between rows of a figure that has one for each arm
POINTS_MAX = 1000  # a curve; more than such a plot can show
LEGEND_LABEL = 150  # pixels; a longer name is cut with an ellipsis
LEGEND_SYMBOL = 30  # pixels of the symbol and the gaps on both its sides
LETTER = 7  # pixels of a wide letter of a legend
ARMS_MAX = 8  # as many colours as most people can tell apart

INK, MUTED, GRID, PAPER = "#1f2933", "#5f6c7b", "#e4e8ed", "#ffffff"
ON_STRONG = "#fffffe"  # words on a dark cell; white that stays so on a dark page
BASELINE = "#6f7782"
# Okabe and Ito's colours, safe for colour-blind readers; its yellow, too pale on white, left out
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a4ea3", "#8c564b")
# no arm's, and legible on both themes
BETTER, WORSE, SAME, OPEN = "#00857c", "#b83d7d", "#7b8794", "#8f7200"
VERDICTS: dict[PairVerdict, tuple[str, str]] = {
    "better": (BETTER, "triangle-up"),
    "worse": (WORSE, "triangle-down"),
    "equivalent": (SAME, "square"),
    "undecided": (OPEN, "circle"),
}
DASH, SOLID = [5, 3], [1, 0]
# the renderer measures text in Liberation Sans; these have its widths, so labels stay in place
FONT = "Helvetica, Arial, Liberation Sans, sans-serif"


@dataclass(frozen=True)
class Drawing:
    """The view, and how to read it."""

    subtitle: str
    body: Spec


@dataclass(frozen=True)
class Figure:
    """What was found, how to read it, and the whole Vega-Lite document, which says both too."""

    title: str
    subtitle: str
    spec: Spec


def shown_arms(report: Report) -> list[Arm]:
    """The arms a figure shows, in the report's order: the best few and the baseline."""
    best = [arm.name for arm, _ in in_rank(report)]
    baseline = [arm.name for arm in report.arms if arm.baseline and arm.name in best]
    kept = set([*baseline, *(name for name in best if name not in baseline)][:ARMS_MAX])
    return [arm for arm in report.arms if arm.name in kept]


def in_rank(report: Report) -> list[tuple[Arm, Chosen]]:
    """Arms that have a choice, best first by the selection metric."""
    selection = Selection(report.metric, report.method.rule, None)
    return ranked(report.arms, selection, report.direction)


def best_of(report: Report) -> Arm | None:
    """The arm that the report would take; while it names none, the first on validation."""
    named = [arm for arm in report.arms if arm.name == report.best_arm]
    return next(iter([*named, *(arm for arm, _ in in_rank(report))]), None)


def chosen_arms(report: Report) -> list[tuple[Arm, Chosen]]:
    """The shown arms with the setting that the report's rule takes."""
    found = [(arm, chosen_of(arm, report.method.rule)) for arm in shown_arms(report)]
    return [(arm, chosen) for arm, chosen in found if chosen is not None]


def compared_score(report: Report, arm: Arm) -> Score | None:
    """What the arm scored where it was compared: its procedure, else its chosen setting."""
    chosen = chosen_of(arm, report.method.rule)
    metric = report.method.compared_metric
    return arm.scores.get(metric) or (chosen.scores.get(metric) if chosen else None)


def colour_of(report: Report) -> Spec:
    """The scale that gives an arm the same colour in every figure; grey is the baseline."""
    arms = shown_arms(report)
    others = [arm.name for arm in arms if not arm.baseline]
    colours = dict(zip(others, COLOURS, strict=False))
    return {
        "domain": [arm.name for arm in arms],
        "range": [colours.get(arm.name, BASELINE) for arm in arms],
    }


def colour(
    report: Report, *, symbol: str | None = "stroke", only: Sequence[str] | None = None
) -> Spec:
    """The colour channel over the field `arm`.

    symbol: of its legend; None for no legend. only: the arms it names, where not all are drawn.
    """
    return _of_arm(colour_of(report), _legend(report, symbol, only) if symbol else None)


def dash(report: Report, *, only: Sequence[str] | None = None) -> Spec:
    """The channel that dashes the baseline's lines, for one legend with `colour`."""
    arms = shown_arms(report)
    scale = {
        "domain": [arm.name for arm in arms],
        "range": [DASH if arm.baseline else SOLID for arm in arms],
    }
    return _of_arm(scale, _legend(report, "stroke", only))


def arms_axis(report: Report) -> Spec:
    """A row for each arm, in the report's order."""
    return {
        "field": "arm",
        "type": "nominal",
        "sort": [arm.name for arm in shown_arms(report)],
        "axis": {"title": None, "labelFontSize": 12, "labelColor": INK, "labelLimit": 110},
    }


def _of_arm(scale: Spec, legend: Spec | None) -> Spec:
    return {"field": "arm", "type": "nominal", "scale": scale, "legend": legend}


def _legend(report: Report, symbol: str, only: Sequence[str] | None) -> Spec:
    names = [arm.name for arm in shown_arms(report) if only is None or arm.name in only]
    return {
        "title": None,
        "orient": "top",
        "symbolOpacity": 1,
        "columns": _legend_columns(names),
        **({} if only is None else {"values": names}),
        "symbolType": symbol,
        "symbolSize": 200 if symbol == "stroke" else 90,
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


def score_axis(metric: str, title: str, domain: Sequence[float], **more: object) -> Spec:
    """A quantitative channel for a score: from the domain's low to its high, shares in per cent."""
    axis = {
        "title": title,
        "tickCount": 5,
        "labelOverlap": True,
        "titleLimit": 300,
        **({"format": ".3~%"} if is_share(metric) else {}),
    }
    scale = {"domain": list(domain), "nice": False, "zero": False}
    return {"type": "quantitative", "scale": scale, "axis": axis, **more}


def document(report: Report, title: str, drawing: Drawing) -> Figure:
    """The figure with its whole Vega-Lite document."""
    hidden = len(report.arms) - len(shown_arms(report))
    aside = f" The table has {counted(hidden, 'more arm')}." if hidden > 0 else ""
    subtitle = drawing.subtitle + aside
    spec = {
        "$schema": SCHEMA,
        "description": title,
        "title": {
            "text": textwrap.wrap(title, 50) or [""],
            "subtitle": textwrap.wrap(subtitle, 72),
        },
        "config": CONFIG,
        **drawing.body,
    }
    return Figure(title, subtitle, spec)


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
    "padding": 8,
    "view": {"stroke": None},
    "title": {
        "anchor": "start",
        "frame": "group",
        "fontSize": 14,
        "fontWeight": 600,
        "color": INK,
        "subtitleColor": MUTED,
        "subtitleFontSize": 11,
        "subtitlePadding": 5,
        "lineHeight": 18,
        "subtitleLineHeight": 14,
        "offset": 12,
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
        "titlePadding": 8,
        "labelLimit": 150,
        "labelSeparation": 5,
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
        "offset": 8,
        # one below the other: side by side two would make the figure wider than its plot
        "layout": {"top": {"direction": "vertical", "anchor": "start", "margin": 6}},
    },
    "header": {"labelColor": INK, "labelFontSize": 12, "titleColor": INK},
}
