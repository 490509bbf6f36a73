"""Score against λ (or whatever is varied): the curve the choice was made on."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, floor, log10

from core.report.arm_words import name_at
from core.report.evidence import Evidence
from core.report.figures.frame import Frame, frame_of
from core.report.figures.theme import (
    HEIGHT,
    PAPER,
    WIDTH,
    Drawing,
    Row,
    Spec,
    best_of,
    colour,
    dash,
    decimated,
    in_rank,
    score_axis,
    shown_arms,
)
from core.report.finding import chosen_of
from core.report.measure import bounds_of
from core.report.report import Arm, Report
from core.report.words import amount, head_words, listed, metric_words

PANELS_MAX = 3  # more would be too narrow to read
GAP = 24  # between panels
LOG_FROM = 30  # largest over smallest value from which an axis is logarithmic
DOTS_MAX = 120  # more on lines could not be told apart


def applies(report: Report, evidence: Evidence) -> bool:
    return any(_panels_of(arm) for arm in shown_arms(report))


def title(report: Report, evidence: Evidence) -> str:
    """The best of what is drawn, and where nothing is varied in it, the best that is."""
    shown = {arm.name for arm in shown_arms(report)}
    order = [entry for entry in in_rank(report) if entry[0].name in shown]
    varied = [entry for entry in order if _panels_of(entry[0])]
    if not varied:
        return f"No setting has a {metric_words(report.metric)} yet"
    told = [
        f"{name_at(arm, chosen)} reaches "
        f"{amount(report.metric, chosen.scores[report.metric].mean)} {metric_words(report.metric)}"
        for arm, chosen in (order[0], varied[0])
    ]
    return told[0] if told[0] == told[1] else f"{told[0]}; the best of what is varied, {told[1]}"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    arms = shown_arms(report)
    found = sorted({panel for arm in arms for panel in _panels_of(arm)}, key=_first)
    panels = found[:PANELS_MAX]
    width = (WIDTH - GAP * (len(panels) - 1)) // len(panels)
    frame = _frame(report)
    views = [_view(report, panel, width, frame, first=i == 0) for i, panel in enumerate(panels)]
    several = any(len(_moving(arm)) > 1 for arm in arms)
    subtitle = (
        f"Mean over replicates. Filled circle: the best mean; diamond: the simplest within one "
        f"standard error. {_band_words(report)}"
        + ("Points alone: other parameters vary too, so no line joins them." * several)
        + (f" Not drawn: {listed(found[PANELS_MAX:])}." if len(found) > PANELS_MAX else "")
    )
    body = {"hconcat": views, "spacing": GAP}
    return Drawing(subtitle.strip() + frame.words("setting"), body)


def _band_words(report: Report) -> str:
    best = _banded(report)
    return f"Band: 95 % interval of {best.name}. " if best else ""


def _view(report: Report, panel: str, width: int, frame: Frame, *, first: bool) -> Spec:
    rows = [row for arm in shown_arms(report) for row in _rows(report, arm, panel)]
    values = sorted({float(row["x"] or 0) for row in rows})
    positive = [value for value in values if value > 0]
    logarithmic = bool(positive) and values[0] >= 0 and positive[-1] >= LOG_FROM * positive[0]
    zero_at = 10.0 ** (floor(log10(positive[0])) - 1) if logarithmic else 0.0
    if logarithmic:
        rows = [{**row, "x": row["x"] or zero_at} for row in rows]
    axis: Spec = {"title": panel, "labelOverlap": True, "tickCount": 5}
    if logarithmic:
        axis |= _decades(positive, zero_at if 0.0 in values else None)
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False} if logarithmic else {"zero": False, "nice": False},
        "axis": axis,
    }
    # the unit of a score is told once, on the left
    name = head_words(report.metric, report.method.unit) if first else ""
    y = score_axis(report.metric, name, frame.domain, field="y")
    marks = {"x": x, "y": y, "color": colour(report)}
    seen = [row for row in rows if frame.holds(float(row["y"] or 0))]
    return {
        "width": width,
        "height": HEIGHT,
        "data": {"values": rows},
        "layer": [
            *_band(report, marks, rows),
            {
                "transform": [{"filter": {"field": "joined", "equal": 1}}],
                "mark": {"type": "line", "strokeWidth": 2.2, "clip": True},
                "encoding": {**marks, "strokeDash": dash(report)},
            },
            *_constants(report, y, frame),
            *_points(marks, seen),
            _choice("1se", "diamond", 260, marks, seen, filled=False),
            _choice("min", "circle", 100, marks, seen, filled=True),
        ],
    }


def _decades(positive: Sequence[float], zero_at: float | None) -> Spec:
    """Ticks at powers of ten, at most six; the place that stands for zero is labelled so."""
    first, last = ceil(log10(positive[0]) - 1e-9), floor(log10(positive[-1]) + 1e-9)
    step = max(1, ceil((last - first) / 5))
    ticks = [10.0**power for power in range(first, last + 1, step)]
    short = "datum.value < 0.001 ? format(datum.value, '~e') : format(datum.value, '~g')"
    zero = [] if zero_at is None else [zero_at]
    return {
        "values": [*zero, *ticks],
        "labelExpr": f"datum.value <= {zero_at!r} ? '0' : ({short})" if zero else short,
    }


def _banded(report: Report) -> Arm | None:
    """The best arm, where it is a line: only its interval is drawn, or bands would hide lines."""
    best = best_of(report)
    return best if best and len(_moving(best)) == 1 and _panels_of(best) else None


def _band(report: Report, marks: Spec, rows: Sequence[Row]) -> list[Spec]:
    best = _banded(report)
    mine = [row for row in rows if best and row["arm"] == best.name]
    if not mine:
        return []
    ends = {**marks, "y": {**marks["y"], "field": "low"}, "y2": {"field": "high"}}
    return [
        {
            "data": {"values": mine},
            "mark": {"type": "area", "opacity": 0.16, "clip": True},
            "encoding": ends,
        }
    ]


def _points(marks: Spec, rows: Sequence[Row]) -> list[Spec]:
    """On lines only while they can be told apart; alone always, and larger."""
    views: list[Spec] = []
    for joined, size in ((1, 16), (0, 40)):
        mine = [row for row in rows if row["joined"] == joined]
        if mine and (not joined or len(mine) <= DOTS_MAX):
            views.append(
                {
                    "data": {"values": mine},
                    "mark": {"type": "point", "filled": True, "size": size},
                    "encoding": marks,
                }
            )
    return views


def _choice(
    rule: str, shape: str, size: int, marks: Spec, rows: Sequence[Row], *, filled: bool
) -> Spec:
    paint = {"stroke": PAPER, "strokeWidth": 1.5} if filled else {"strokeWidth": 2}
    return {
        "data": {"values": [row for row in rows if row.get(rule)]},
        "mark": {"type": "point", "shape": shape, "size": size, "filled": filled, "opacity": 1}
        | paint,
        "encoding": marks,
    }


def _constants(report: Report, y: Spec, frame: Frame) -> list[Spec]:
    """A line across for each arm in which nothing is varied, such as none."""
    rows: list[Row] = []
    for arm in shown_arms(report):
        chosen = chosen_of(arm, report.method.rule)
        score = chosen.scores.get(report.metric) if chosen else None
        if score and not _panels_of(arm) and frame.holds(score.mean):
            rows.append({"arm": arm.name, "y": score.mean})
    if not rows:
        return []
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"y": y, "color": colour(report), "strokeDash": dash(report)},
        }
    ]


def _rows(report: Report, arm: Arm, panel: str) -> list[Row]:
    """One row per setting, by what it has on this axis; joined where nothing else varies."""
    pointer = _panels_of(arm).get(panel)
    if pointer is None:
        return []
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


def _frame(report: Report) -> Frame:
    """A λ far too large, or an arm that failed, may cost so much that all else looks level."""
    scores = [
        setting.scores[report.metric].mean
        for arm in shown_arms(report)
        for setting in arm.settings
        if report.metric in setting.scores
    ]
    best = best_of(report)
    chosen = chosen_of(best, report.method.rule) if best else None
    score = chosen.scores.get(report.metric) if chosen else None
    ends = (score.ci95 or (score.mean, score.mean)) if score else ()
    return frame_of(scores, ends=ends, limits=bounds_of(report.metric))


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
