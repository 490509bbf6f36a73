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
from core.report.measure import clipped
from core.report.records import CurveRecord
from core.report.report import Arm, Report
from core.report.together import Selection
from core.report.verdict import chosen_of, name_at, ranked
from core.report.words import amount, listed, metric_words

REACH = 4  # times what the median setting loses to the best
PANELS_MAX = 3  # more would be too narrow to read
LOG_FROM = 30  # largest over smallest value from which an axis is logarithmic


def applies(report: Report) -> bool:
    return any(_panels_of(arm) for arm in shown_arms(report))


def title(report: Report) -> str:
    """The best of what is drawn, and where nothing is varied in it, the best that is."""
    selection = Selection(report.metric, report.method.rule, None)
    order = ranked(shown_arms(report), selection, report.direction)
    varied = [entry for entry in order if _panels_of(entry[0])]
    if not varied:
        return f"No setting has a {metric_words(report.metric)} yet"
    told = [
        f"{name_at(arm, chosen)} reaches "
        f"{amount(report.metric, chosen.scores[report.metric].mean)} {metric_words(report.metric)}"
        for arm, chosen in (order[0], varied[0])
    ]
    return told[0] if told[0] == told[1] else f"{told[0]}; the best of what is varied, {told[1]}"


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    arms = shown_arms(report)
    found = sorted({panel for arm in arms for panel in _panels_of(arm)}, key=_first)
    panels = found[:PANELS_MAX]
    width = (WIDTH - 30 * (len(panels) - 1)) // len(panels)
    domain = _extent(report)
    views = [
        _view(report, panel, width, domain=domain, first=i == 0) for i, panel in enumerate(panels)
    ]
    moving = [len(_moving(arm)) for arm in arms if _panels_of(arm)]
    subtitle = (
        f"Mean over replicates{' with its 95 % interval' if 1 in moving else ''}. Filled circle: "
        "the best mean; diamond: the simplest within one standard error; dashed: an arm with "
        "nothing varied. Much worse settings may lie outside the frame."
        + (" Points alone: other parameters vary too, so no line joins them." * (max(moving) > 1))
        + (f" Not drawn: {listed(found[PANELS_MAX:])}." if len(found) > PANELS_MAX else "")
    )
    return document(report, title(report), subtitle, {"hconcat": views, "spacing": 30})


def _view(
    report: Report, panel: str, width: int, *, domain: tuple[float, float], first: bool
) -> Spec:
    arms = [arm for arm in shown_arms(report) if panel in _panels_of(arm)]
    rows = [row for arm in arms for row in _rows(report, arm, panel)]
    values = sorted({float(row["x"] or 0) for row in rows})
    positive = [value for value in values if value > 0]
    logarithmic = bool(positive) and values[0] >= 0 and positive[-1] >= LOG_FROM * positive[0]
    zero_at = 10.0 ** (floor(log10(positive[0])) - 1) if logarithmic else 0.0
    if logarithmic:
        rows = [{**row, "x": row["x"] or zero_at} for row in rows]
    axis: Spec = {"title": panel, "labelOverlap": True, "tickCount": 6}
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
    joined = {"transform": [{"filter": {"field": "joined", "equal": 1}}]}
    return {
        "width": width,
        "height": 280,
        "data": {"values": rows},
        "layer": [
            {
                **joined,
                "mark": {"type": "area", "opacity": min(0.16, 0.4 / len(arms)), "clip": True},
                "encoding": {**marks, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
            },
            {
                **joined,
                "mark": {"type": "line", "strokeWidth": 2.2, "clip": True},
                "encoding": marks,
            },
            *_points(marks, rows),
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


def _points(marks: Spec, rows: Sequence[Row]) -> list[Spec]:
    """On lines only while they can be told apart; alone always, and larger."""
    views: list[Spec] = []
    for joined, size in ((1, 16), (0, 44)):
        mine = [row for row in rows if row["joined"] == joined]
        if mine and (not joined or len(mine) <= 120):
            views.append(
                {
                    "transform": [{"filter": {"field": "joined", "equal": joined}}],
                    "mark": {"type": "point", "filled": True, "size": size, "clip": True},
                    "encoding": marks,
                }
            )
    return views


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
        if chosen and not _panels_of(arm) and report.metric in chosen.scores:
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


def _rows(report: Report, arm: Arm, panel: str) -> list[Row]:
    """One row per setting, by what it has on this axis; joined where nothing else varies."""
    pointer = _panels_of(arm)[panel]
    joined = len(_moving(arm)) == 1
    picks = {
        name: choice.setting
        for name, choice in (("min", arm.chosen.min), ("1se", arm.chosen.one_se))
        if choice
    }
    rows: list[Row] = []
    for setting in sorted(arm.settings, key=lambda setting: setting.setting[pointer]):
        score = setting.scores.get(report.metric)
        if score is None:
            continue
        low, high = score.ci95 or (score.mean, score.mean)
        rows.append(
            {
                "arm": arm.name,
                "x": setting.setting[pointer],
                "y": score.mean,
                "low": low,
                "high": high,
                "joined": int(joined),
                **{name: int(setting.setting == chosen) for name, chosen in picks.items()},
            }
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
    return clipped(report.metric, first, last)


def _panels_of(arm: Arm) -> dict[str, str]:
    """The pointer of each axis an arm is drawn on. Arms share that of a name: λ with λ."""
    if arm.chosen.min is None or len(arm.settings) < 2:
        return {}
    return {arm.varied[pointer]: pointer for pointer in _moving(arm)}


def _moving(arm: Arm) -> list[str]:
    """Pointers that have more than one value."""
    return [p for p in arm.varied if len({s.setting[p] for s in arm.settings}) > 1]


def _first(panel: str) -> tuple[bool, str]:
    return "λ" not in panel, panel
