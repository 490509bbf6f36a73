"""Every difference that was tested, with its interval, beside what would not matter."""

from __future__ import annotations

from core.report.evidence import Evidence
from core.report.figures.frame import Frame, frame_of
from core.report.figures.theme import (
    GRID,
    INK,
    MUTED,
    STEP,
    VERDICTS,
    WIDTH,
    Drawing,
    Row,
    Spec,
    shown_arms,
)
from core.report.gains import Gain, gains_of
from core.report.report import Report
from core.report.words import differences, is_share, metric_words, unit_of_difference

LABELS = 100  # pixels left of the plot, within its width


def applies(report: Report, evidence: Evidence) -> bool:
    return bool(_rows(report))


def title(report: Report, evidence: Evidence) -> str:
    """The largest difference that is shown, else the largest, and that it is not."""
    rows = _rows(report)
    shown = [row for row in rows if row["verdict"] in ("better", "worse")]
    if not shown and all(row["verdict"] == "equivalent" for row in rows):
        return f"No difference matters: all are within {_margin_words(report)}"
    largest = max(shown or rows, key=lambda row: abs(float(row["gain"] or 0)))
    metric = report.method.compared_metric
    gain = float(largest["gain"] or 0) / _scale(report)
    size = differences(metric, [abs(gain)])[0]
    side = "better" if gain > 0 else "worse"
    far = f"{size}{unit_of_difference(metric, size)} {side} than {largest['b']}"
    if shown:
        return f"{largest['a']} is {far} in {metric_words(metric)}"
    if not gain:
        return "No difference is shown: all scores are level"
    return f"No difference is shown; the largest is {largest['a']}, {far}"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    rows = _rows(report)
    frame = _frame(rows)
    metric = report.method.compared_metric
    margin = _scale(report) * report.method.practical
    found = [verdict for verdict in VERDICTS if any(row["verdict"] == verdict for row in rows)]
    verdicts = {
        "field": "verdict",
        "type": "nominal",
        "legend": {"title": None, "orient": "top", "symbolSize": 90},
    }
    paint = {**verdicts, "scale": {"domain": found, "range": [VERDICTS[v][0] for v in found]}}
    shape = {**verdicts, "scale": {"domain": found, "range": [VERDICTS[v][1] for v in found]}}
    unit = " (percentage points)" if is_share(metric) else ""
    unit = unit or (f" ({report.method.unit})" if report.method.unit else "")
    x = {
        "field": "gain",
        "type": "quantitative",
        "scale": {"domain": frame.domain, "nice": False, "zero": False},
        "axis": {
            "title": f"gain in {metric_words(metric)}{unit}",
            "labelExpr": "datum.value == 0 ? '0' : format(datum.value, '+~g')",
            "tickCount": 6,
            "titleLimit": 320,
        },
    }
    y = {
        "field": "pair",
        "type": "nominal",
        "sort": [str(row["pair"]) for row in rows],
        "axis": {
            "title": None,
            "labelColor": INK,
            "labelFontSize": 12,
            "labelLimit": LABELS,
            "labelExpr": "split(datum.label, '\\n')",
        },
    }
    body = {
        "width": WIDTH - LABELS + 40,
        "height": {"step": STEP + 6},
        "layer": [
            _margin(x, frame, margin),
            {
                "data": {"values": [{"gain": 0}]},
                "mark": {"type": "rule", "color": MUTED, "strokeDash": [4, 3], "clip": True},
                "encoding": {"x": x},
            },
            _intervals(x, y, paint, frame, rows),
            _points(x, y, paint, shape, frame, rows),
            _numbers(y, rows),
        ],
    }
    subtitle = (
        f"Paired differences with {_interval_words(report)}; shaded: within "
        f"{_margin_words(report)}, which would not matter in practice."
    )
    return Drawing(subtitle + frame.words("difference"), body)


def _interval_words(report: Report) -> str:
    return f"95 % intervals{' that hold together' if len(report.pairs) > 1 else ''}"


def _margin_words(report: Report) -> str:
    metric = report.method.compared_metric
    size = differences(metric, [report.method.practical])[0]
    return f"±{size}{unit_of_difference(metric, size)}"


def _margin(x: Spec, frame: Frame, margin: float) -> Spec:
    band = {"low": frame.inside(-margin), "high": frame.inside(margin)}
    return {
        "data": {"values": [band]},
        "mark": {"type": "rect", "color": GRID, "opacity": 0.8},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}},
    }


def _intervals(x: Spec, y: Spec, paint: Spec, frame: Frame, rows: list[Row]) -> Spec:
    cut = [
        {**row, **{end: frame.inside(float(row[end] or 0)) for end in ("low", "high")}}
        for row in rows
    ]
    return {
        "data": {"values": cut},
        "mark": {"type": "rule", "strokeWidth": 3},
        "encoding": {
            "y": y,
            "x": {**x, "field": "low"},
            "x2": {"field": "high"},
            "color": paint,
        },
    }


def _points(x: Spec, y: Spec, paint: Spec, shape: Spec, frame: Frame, rows: list[Row]) -> Spec:
    return {
        "data": {"values": [row for row in rows if frame.holds(float(row["gain"] or 0))]},
        "mark": {"type": "point", "size": 110, "opacity": 1, "filled": True},
        "encoding": {"y": y, "x": x, "color": paint, "shape": shape},
    }


def _numbers(y: Spec, rows: list[Row]) -> Spec:
    """Above each interval what it says, so that those beyond the frame are told as well."""
    return {
        "data": {"values": rows},
        "mark": {"type": "text", "dy": -13, "fontSize": 11, "color": INK, "x": "width"}
        | {"align": "right"},
        "encoding": {"y": y, "text": {"field": "told", "type": "nominal"}},
    }


def _frame(rows: list[Row]) -> Frame:
    """Where the differences are; always with zero, and with intervals as far as they are usual."""
    ends = [float(row[end] or 0) for row in rows for end in ("low", "high")]
    points = [float(row["gain"] or 0) for row in rows]
    whole = frame_of([*points, *ends, 0.0])
    return Frame(whole.low, whole.high, sum(not whole.holds(point) for point in points))


def _scale(report: Report) -> int:
    return 100 if is_share(report.method.compared_metric) else 1


def _rows(report: Report) -> list[Row]:
    """One for each pair of shown arms."""
    shown = {arm.name for arm in shown_arms(report)}
    return [_row(report, gain) for gain in gains_of(report) if {gain.a, gain.b} <= shown]


def _row(report: Report, gain: Gain) -> Row:
    metric = report.method.compared_metric
    ends = gain.interval_words(metric)
    return {
        "pair": f"{gain.a}\nover {gain.b}",
        "a": gain.a,
        "b": gain.b,
        "gain": _scale(report) * gain.gain,
        "low": _scale(report) * gain.low,
        "high": _scale(report) * gain.high,
        "verdict": gain.verdict,
        "told": gain.words(metric) + (f" ({ends})" if ends else ""),
    }
