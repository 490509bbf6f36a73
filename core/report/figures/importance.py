"""What the best arm loses where a feature says nothing of its row: bars, or a map of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.report.evidence import Evidence
from core.report.figures.best import colour_named
from core.report.figures.theme import (
    GRID,
    INK,
    MUTED,
    ON_STRONG,
    WIDTH,
    Drawing,
    Row,
    Spec,
    best_of,
)
from core.report.measure import direction_of
from core.report.report import Report
from core.report.words import (
    base_of,
    counted,
    differences,
    is_share,
    metric_words,
    unit_of_difference,
)

if TYPE_CHECKING:
    from core.report.importance import Importance

BARS_MAX = 15  # more would be too many to read
STEP_MAX = 60  # pixels of a patch
STRONG = 0.5  # of the most, from which a patch is dark
FAINT = 0.35  # opacity of what does not stand out
UNASKED = "The models have not been asked."


def applies(report: Report, evidence: Evidence) -> bool:
    """Where models left answers on test rows, and no more are to come."""
    return bool(evidence.predictions) and not report.partial


def title(report: Report, evidence: Evidence) -> str:
    """What costs most of what stands out."""
    if evidence.importance is None:
        return "What the predictions rest on"
    found = shown(report, evidence)
    if found is None:
        return "What the predictions rest on is not known"
    arm, told = found
    first = told.order[0]
    if told.loss_F[first] <= 0:
        return f"No single {told.regions.noun} is shown to matter to {arm}"
    lost = differences(told.metric, [float(told.loss_F[first])])[0]
    way = "falls" if direction_of(told.metric) == "max" else "rises"
    cost = f"{metric_words(told.metric)} {way} by {lost}{unit_of_difference(told.metric, lost)}"
    name = told.regions.names[first]
    if told.stands_out(first):
        return f"{arm} rests most on {name}: without it {cost}"
    return f"No {told.regions.noun} stands out for {arm}; {name} comes first: without it {cost}"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    found = shown(report, evidence)
    if found is None:
        why = evidence.importance.without if evidence.importance else UNASKED
        body: Spec = {"width": WIDTH, "height": 40, "data": {"values": [{}]}}
        mark = {"type": "text", "text": "not computed", "color": MUTED, "fontSize": 12}
        return Drawing(why or UNASKED, {**body, "mark": mark})
    arm, told = found
    paint = colour_named(report, next(one for one in report.arms if one.name == arm))
    body = _bars(report, told, paint) if told.regions.grid is None else _map(told, paint)
    return Drawing(f"{arm} on {_how(told)}", body)


def shown(report: Report, evidence: Evidence) -> tuple[str, Importance] | None:
    """The best arm's, else that of the first that was asked."""
    by_arm = evidence.importance.by_arm if evidence.importance else {}
    best = best_of(report)
    order = [*([best.name] if best else []), *by_arm]
    return next(((name, by_arm[name]) for name in order if name in by_arm), None)


def _how(told: Importance) -> str:
    noun, side = told.regions.noun, told.regions.side
    size = f" of {side}×{side} pixels" if side > 1 else ""
    marks = (
        "Numbers are of what stands out among all"
        if told.regions.grid
        else "In strong colour what stands out among all; lines are 95 % intervals, each by itself"
    )
    return (
        f"{counted(told.rows, 'test row')}, {counted(told.runs, 'model')}: what "
        f"{base_of(told.metric).replace('_', ' ')} loses where a {noun}{size} has another row's "
        f"value. {marks}."
    )


def _scale(told: Importance) -> int:
    return 100 if is_share(told.metric) else 1


def _bars(report: Report, told: Importance, paint: str) -> Spec:
    rows: list[Row] = [
        {
            "name": told.regions.names[i],
            "loss": _scale(told) * float(told.loss_F[i]),
            "low": _scale(told) * float(told.low_F[i]),
            "high": _scale(told) * float(told.high_F[i]),
            "strength": 1.0 if told.stands_out(i) else FAINT,
        }
        for i in told.order[:BARS_MAX]
    ]
    unit = " (percentage points)" if is_share(told.metric) else ""
    unit = unit or (f" ({report.method.unit})" if report.method.unit else "")
    x: Spec = {
        "field": "loss",
        "type": "quantitative",
        "axis": {
            "title": f"loss of {metric_words(told.metric)}{unit}",
            "tickCount": 5,
            "labelOverlap": True,
            "titleLimit": 320,
        },
    }
    y: Spec = {
        "field": "name",
        "type": "nominal",
        "sort": [str(row["name"]) for row in rows],
        "axis": None,
    }
    opacity = {"field": "strength", "type": "quantitative", "scale": None, "legend": None}
    return {
        "width": WIDTH + 30,
        "height": {"step": 30},
        "data": {"values": rows},
        "layer": [
            {
                "data": {"values": [{"loss": 0}]},
                "mark": {"type": "rule", "color": GRID},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "bar", "color": paint, "height": 12, "yOffset": 7},
                "encoding": {"x": x, "y": y, "opacity": opacity},
            },
            {
                "mark": {"type": "rule", "color": INK, "strokeWidth": 1.5, "yOffset": 7},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y},
            },
            {
                "mark": {"type": "text", "align": "left", "x": 0, "dy": -5, "fontSize": 11}
                | {"color": INK, "limit": WIDTH + 30},
                "encoding": {"y": y, "text": {"field": "name", "type": "nominal"}},
            },
        ],
    }


def _map(told: Importance, paint: str) -> Spec:
    assert told.regions.grid is not None, "a table has no map"
    height, width = told.regions.grid
    side = told.regions.side
    most = max(float(told.loss_F.max()), 1e-12)
    numbers = differences(told.metric, told.loss_F.tolist())
    rows: list[Row] = [
        {
            "row": str(i // width * side),
            "column": str(i % width * side),
            "part": max(float(told.loss_F[i]), 0.0) / most,
            "told": numbers[i] if told.stands_out(i) else "",
        }
        for i in range(height * width)
    ]
    step = min(STEP_MAX, (WIDTH - 10) // width)
    axis: Spec = {"labelAngle": 0, "labelColor": MUTED, "domain": False, "ticks": False}
    opacity = {
        "field": "part",
        "type": "quantitative",
        "scale": {"domain": [0, 1], "range": [0.03, 1]},
        "legend": None,
    }
    strong = {"test": {"field": "part", "gt": STRONG}, "value": ON_STRONG}
    return {
        "width": {"step": step},
        "height": {"step": step},
        "data": {"values": rows},
        "encoding": {
            "x": {
                "field": "column",
                "type": "nominal",
                "sort": [str(i * side) for i in range(width)],
                "axis": {**axis, "title": "column of pixels"},
            },
            "y": {
                "field": "row",
                "type": "nominal",
                "sort": [str(i * side) for i in range(height)],
                "axis": {**axis, "title": "row of pixels"},
            },
        },
        "layer": [
            {"mark": {"type": "rect", "color": paint}, "encoding": {"opacity": opacity}},
            {
                "mark": {"type": "text", "fontSize": 10},
                "encoding": {
                    "text": {"field": "told", "type": "nominal"},
                    "color": {"condition": strong, "value": INK},
                },
            },
        ],
    }
