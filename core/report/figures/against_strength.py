"""Score against λ (or whatever is varied): the curve the choice was made on."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from core.report.choose import sign_of
from core.report.figures.theme import (
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
from core.report.report import Arm, Report, SettingResult
from core.report.together import Selection
from core.report.verdict import chosen_of, name_at, ranked
from core.report.words import amount, knob_words, metric_words

REACH = 4  # times what the median setting loses to the best
LOG_FROM = 30  # largest over smallest value from which an axis is logarithmic


def applies(report: Report) -> bool:
    return any(_panel_of(arm) for arm in shown_arms(report))


def title(report: Report) -> str:
    selection = Selection(report.metric, report.method.rule, None)
    varied = [
        (arm, chosen)
        for arm, chosen in ranked(shown_arms(report), selection, report.direction)
        if _panel_of(arm)
    ]
    if not varied:
        return f"No setting has a {metric_words(report.metric)} yet"
    arm, chosen = varied[0]
    score = amount(report.metric, chosen.scores[report.metric].mean)
    return f"{name_at(arm, chosen)} reaches {score} {metric_words(report.metric)}"


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    panels = sorted({panel for arm in shown_arms(report) if (panel := _panel_of(arm))}, key=_first)
    width = (WIDTH - 30 * (len(panels) - 1)) // len(panels)
    low, high = _extent(report)
    views = [
        _view(report, panel, width, domain=(low, high), first=i == 0)
        for i, panel in enumerate(panels)
    ]
    subtitle = (
        "Mean over replicates with its 95 % interval. Filled circle: the best mean; diamond: the "
        "simplest within one standard error; dashed: an arm with nothing varied. Much worse "
        "settings may lie outside the frame."
    )
    return document(report, title(report), subtitle, {"hconcat": views, "spacing": 30})


def _view(
    report: Report, panel: str, width: int, *, domain: tuple[float, float], first: bool
) -> Spec:
    arms = [arm for arm in shown_arms(report) if _panel_of(arm) == panel]
    rows = [row for arm in arms for row in _rows(report, arm)]
    values = sorted({float(row["x"] or 0) for row in rows})
    positive = [value for value in values if value > 0]
    logarithmic = bool(positive) and values[0] >= 0 and positive[-1] >= LOG_FROM * positive[0]
    zero_at = 10.0 ** (floor(log10(positive[0])) - 1) if logarithmic else 0.0
    if logarithmic:
        rows = [{**row, "x": row["x"] or zero_at} for row in rows]
    axis: Spec = {"title": knob_words(panel), "labelOverlap": True, "tickCount": 6}
    if logarithmic:
        axis |= _decades(positive, zero_at if 0.0 in values else None)
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"type": "log"} if logarithmic else {"zero": False, "nice": False},
        "axis": axis,
    }
    y = score_axis(report.metric, metric_words(report.metric) if first else "", field="y")
    y["scale"] = {"zero": False, "nice": True, "domain": list(domain)}
    marks = {"x": x, "y": y, "color": colour(report)}
    return {
        "width": width,
        "height": 280,
        "data": {"values": rows},
        "layer": [
            {
                "mark": {"type": "area", "opacity": min(0.16, 0.4 / len(arms)), "clip": True},
                "encoding": {**marks, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {"mark": {"type": "line", "strokeWidth": 2.2, "clip": True}, "encoding": marks},
            *(_points(marks) if len(rows) <= 120 else []),
            *_constants(report, y),
            _choice("1se", "diamond", 340, marks, filled=False),
            _choice("min", "circle", 110, marks, filled=True),
        ],
    }


def _decades(positive: Sequence[float], zero_at: float | None) -> Spec:
    """Ticks at powers of ten, at most seven; the place that stands for zero is labelled so."""
    first, last = floor(log10(positive[0])), ceil(log10(positive[-1]))
    step = max(1, ceil((last - first) / 6))
    ticks = [10.0**power for power in range(first, last + 1, step)]
    short = "datum.value < 0.001 ? format(datum.value, '~e') : format(datum.value, '~g')"
    zero = [] if zero_at is None else [zero_at]
    return {
        "values": [*zero, *ticks],
        "labelExpr": f"datum.value <= {zero_at!r} ? '0' : ({short})" if zero else short,
    }


def _points(marks: Spec) -> list[Spec]:
    return [
        {"mark": {"type": "point", "filled": True, "size": 16, "clip": True}, "encoding": marks}
    ]


def _choice(rule: str, shape: str, size: int, marks: Spec, *, filled: bool) -> Spec:
    paint = {"stroke": PAPER, "strokeWidth": 1.5} if filled else {"strokeWidth": 2.2}
    return {
        "transform": [{"filter": {"field": rule, "equal": 1}}],
        "mark": {"type": "point", "shape": shape, "size": size, "filled": filled, "opacity": 1}
        | paint,
        "encoding": marks,
    }


def _constants(report: Report, y: Spec) -> list[Spec]:
    """A rule across for each arm in which nothing is varied, such as none."""
    rows: list[Row] = []
    for arm in shown_arms(report):
        chosen = chosen_of(arm, report.method.rule)
        if chosen and not _panel_of(arm) and report.metric in chosen.scores:
            rows.append({"arm": arm.name, "y": chosen.scores[report.metric].mean})
    if not rows:
        return []
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "strokeDash": [6, 4], "strokeWidth": 2},
            "encoding": {"y": y, "color": colour(report)},
        }
    ]


def _rows(report: Report, arm: Arm) -> list[Row]:
    """One row per value; where other parameters vary too, the best setting at that value."""
    sign = sign_of(report.direction)
    best: dict[float, SettingResult] = {}
    pointer = _pointer_of(arm)
    for setting in arm.settings:
        score = setting.scores.get(report.metric)
        if score is None or pointer is None:
            continue
        value = setting.setting[pointer]
        held = best.get(value)
        if held is None or sign * score.mean > sign * held.scores[report.metric].mean:
            best[value] = setting
    picks = {
        name: choice.setting
        for name, choice in (("min", arm.chosen.min), ("1se", arm.chosen.one_se))
        if choice
    }
    rows: list[Row] = []
    for value in sorted(best):
        score = best[value].scores[report.metric]
        low, high = score.ci95 or (score.mean, score.mean)
        marks = {name: int(best[value].setting == chosen) for name, chosen in picks.items()}
        rows.append(
            {"arm": arm.name, "x": value, "y": score.mean, "low": low, "high": high, **marks}
        )
    return decimated(rows, [bool(row.get("min") or row.get("1se")) for row in rows])


def _extent(report: Report) -> tuple[float, float]:
    """The range worth seeing: every choice, and settings down to REACH times the usual loss.

    A λ far too large may cost so much that nothing else could be told apart.
    """
    sign = sign_of(report.direction)
    arms = shown_arms(report)
    scores = [
        s.scores[report.metric] for arm in arms for s in arm.settings if report.metric in s.scores
    ]
    picked = [
        c.scores[report.metric]
        for arm in arms
        for c in (arm.chosen.min, arm.chosen.one_se)
        if c and report.metric in c.scores
    ]
    quality = sorted(sign * score.mean for score in scores)
    best, middle = quality[-1], quality[len(quality) // 2]
    floor = best - REACH * (best - middle or abs(best) * 0.01 or 1.0)
    ends = [sign * end for score in picked for end in (score.ci95 or (score.mean, score.mean))]
    low = min(max(quality[0], floor), *ends)
    high = max(best, *ends)
    margin = 0.04 * (high - low) or 0.01
    first, last = sorted((sign * (low - margin), sign * (high + margin)))
    return first, last


def _pointer_of(arm: Arm) -> str | None:
    """The parameter on the axis: the regularizer's if one varies, else the first that does."""
    varied = sorted(arm.settings[0].setting) if arm.settings else []
    of_regularizers = [pointer for pointer in varied if "regularizers/" in pointer]
    return next(iter([*of_regularizers, *varied]), None)


def _panel_of(arm: Arm) -> str | None:
    """Arms that vary a parameter of the same name share a panel."""
    pointer = _pointer_of(arm)
    scored = arm.chosen.min is not None
    return pointer.rsplit("/", 1)[-1] if pointer and scored and len(arm.settings) > 1 else None


def _first(panel: str) -> tuple[bool, str]:
    return panel != "lambda", panel
