"""How often each setting was chosen inside the folds: whether the choice is stable."""

from __future__ import annotations

from core.report.evidence import Evidence
from core.report.figures.theme import (
    INK,
    WIDTH,
    Drawing,
    Row,
    colour,
    in_rank,
    shown_arms,
)
from core.report.report import Arm, Report
from core.report.words import counted

ROWS_MAX = 20  # more would be too many to read


def applies(report: Report, evidence: Evidence) -> bool:
    """Where an arm that varies anything chose more than once."""
    return any(_choices(arm) > 1 for arm in _varied(report))


def title(report: Report, evidence: Evidence) -> str:
    """Of the best arm that varies anything."""
    arm = _first(report)
    most, whole = arm.chosen_counts[0], _choices(arm)
    if most.count == whole:
        return f"{arm.name} chose {most.label} in all {counted(whole, 'fold')}"
    if most.count == 1:
        return f"{arm.name} chose another setting in each of {counted(whole, 'fold')}"
    return f"{arm.name} chose {most.label} in {most.count} of {counted(whole, 'fold')}"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    rows = _rows(report)
    shown = rows[:ROWS_MAX]
    most = max(float(row["count"] or 0) for row in shown)
    y = {
        "field": "choice",
        "type": "nominal",
        "sort": [str(row["choice"]) for row in shown],
        "axis": None,
    }
    x = {
        "field": "count",
        "type": "quantitative",
        "scale": {"domain": [0, most], "nice": False},
        "axis": {"title": "folds that chose it", "values": _whole(int(most)), "format": "d"},
    }
    body = {
        "width": WIDTH + 30,
        "height": {"step": 34},
        "data": {"values": shown},
        "layer": [
            {
                "mark": {"type": "bar", "height": 11, "yOffset": 7},
                "encoding": {"x": x, "y": y, "color": colour(report, symbol=None)},
            },
            {
                "mark": {"type": "text", "align": "left", "x": 0, "dy": -7, "fontSize": 11}
                | {"color": INK, "limit": WIDTH + 30},
                "encoding": {"y": y, "text": {"field": "choice", "type": "nominal"}},
            },
        ],
    }
    left = f" {len(rows) - len(shown)} rarer choices are left out." if len(rows) > ROWS_MAX else ""
    subtitle = (
        "Each fold chooses on its own validation rows, before its test rows are read; choices that "
        f"differ say that the setting hardly matters or cannot be told.{left}"
    )
    return Drawing(subtitle, body)


def _varied(report: Report) -> list[Arm]:
    return [arm for arm in shown_arms(report) if arm.chosen_counts and len(arm.settings) > 1]


def _choices(arm: Arm) -> int:
    return sum(choice.count for choice in arm.chosen_counts)


def _first(report: Report) -> Arm:
    varied = [arm.name for arm in _varied(report)]
    return next(arm for arm, _ in in_rank(report) if arm.name in varied)


def _rows(report: Report) -> list[Row]:
    """By arm, best first, each arm's choices in the order of their values."""
    varied = [arm.name for arm in _varied(report)]
    return [
        {"arm": arm.name, "choice": f"{arm.name}: {choice.label}", "count": choice.count}
        for arm, _ in in_rank(report)
        if arm.name in varied
        for choice in sorted(arm.chosen_counts, key=lambda choice: tuple(choice.setting.values()))
    ]


def _whole(most: int) -> list[int]:
    """At most seven ticks."""
    return list(range(0, most + 1, 1 + most // 7))
