"""Generalisation gap: training, validation and test score of each arm's chosen setting."""

from __future__ import annotations

from core.report.evidence import Evidence
from core.report.figures.frame import Frame, frame_of
from core.report.figures.theme import (
    GRID,
    INK,
    MUTED,
    STEP,
    WIDTH,
    Drawing,
    Row,
    Spec,
    arms_axis,
    chosen_arms,
    colour,
    compared_score,
    score_axis,
)
from core.report.measure import bounds_of
from core.report.report import Report
from core.report.words import (
    SPLITS,
    amount,
    base_of,
    differences,
    head_words,
    unit_of_difference,
)

SHAPES = {"training": "square", "validation": "circle", "test": "diamond"}
LABELS = 60  # pixels left of the plot, within its width


def applies(report: Report, evidence: Evidence) -> bool:
    return bool(_rows(report))


def title(report: Report, evidence: Evidence) -> str:
    gaps = {arm.name: chosen.gap for arm, chosen in chosen_arms(report) if chosen.gap is not None}
    if not gaps:
        rows = _rows(report)
        told = ", ".join(
            f"{amount(report.metric, float(r['score'] or 0))} in {r['split']}" for r in rows[:1]
        )
        return f"{rows[0]['arm']} scores {told}" if rows else "No score yet"
    least, most = min(gaps, key=gaps.__getitem__), max(gaps, key=gaps.__getitem__)
    if gaps[most] <= 0:
        return "No arm scores better in training than in validation"
    small, large = differences(report.metric, [gaps[least], gaps[most]])
    unit = unit_of_difference(report.metric)
    if least == most:
        return f"{least} is {small}{unit} better in training than in validation"
    return f"{least} overfits least ({small}{unit} gap), {most} most ({large})"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    rows = _rows(report)
    frame = _frame(report, rows)
    base = base_of(report.metric)
    name = head_words(base, report.method.unit).replace("_", " ")
    x = score_axis(report.metric, name, frame.domain, field="score")
    x["axis"] = {**x["axis"], "grid": True}
    y = arms_axis(report)
    splits = [split for split in SHAPES if any(row["split"] == split for row in rows)]
    shape = {
        "field": "split",
        "type": "nominal",
        "scale": {"domain": splits, "range": [SHAPES[split] for split in splits]},
        "legend": {"title": None, "orient": "top", "symbolFillColor": MUTED, "symbolSize": 80},
    }
    seen = [row for row in rows if frame.holds(float(row["score"] or 0))]
    paint = colour(report, symbol=None)
    body = {
        "width": WIDTH - LABELS + 20,
        "height": {"step": STEP},
        "layer": [
            {
                "data": {"values": seen},
                "mark": {"type": "line", "color": GRID, "strokeWidth": 6, "strokeCap": "round"},
                "encoding": {"x": x, "y": y, "detail": {"field": "arm"}},
            },
            _intervals(x, y, paint, frame, rows),
            {
                "data": {"values": seen},
                "mark": {"type": "point", "filled": True, "size": 90, "opacity": 1},
                "encoding": {"x": x, "y": y, "color": paint, "shape": shape},
            },
            _far(y, frame, rows, report.metric),
        ],
    }
    subtitle = "Means at the chosen settings; the line is the test score's 95 % interval."
    return Drawing(subtitle + frame.words("score"), body)


def _intervals(x: Spec, y: Spec, paint: Spec, frame: Frame, rows: list[Row]) -> Spec:
    """Of the test score alone: the number that arms are compared by."""
    mine = [
        {**row, **{end: frame.inside(float(row[end] or 0)) for end in ("low", "high")}}
        for row in rows
        if row["split"] == "test" and frame.holds(float(row["score"] or 0))
    ]
    return {
        "data": {"values": mine},
        "mark": {"type": "rule", "strokeWidth": 2},
        "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "y": y, "color": paint},
    }


def _far(y: Spec, frame: Frame, rows: list[Row], metric: str) -> Spec:
    """The scores of an arm that lies outside, as words in its empty row."""
    outside = [row for row in rows if not frame.holds(float(row["score"] or 0))]
    arms = list(dict.fromkeys(row["arm"] for row in outside))
    told = [
        {
            "arm": arm,
            "told": "beyond: "
            + ", ".join(
                f"{row['split']} {amount(metric, float(row['score'] or 0))}"
                for row in outside
                if row["arm"] == arm
            ),
        }
        for arm in arms
    ]
    return {
        "data": {"values": told},
        "mark": {"type": "text", "align": "left", "x": 4, "dy": -12, "fontSize": 11, "color": INK},
        "encoding": {"y": y, "text": {"field": "told", "type": "nominal"}},
    }


def _frame(report: Report, rows: list[Row]) -> Frame:
    """Without arms whose validation or test score is far from those of the others."""
    limits = bounds_of(report.metric)
    kept = [
        row
        for split in SHAPES
        if (mine := [row for row in rows if row["split"] == split])
        for usual in [frame_of([float(row["score"] or 0) for row in mine])]
        for row in mine
        if usual.holds(float(row["score"] or 0))
    ]
    ends = [float(row[end] or 0) for row in kept if row["split"] == "test" for end in ENDS]
    scores = [float(row["score"] or 0) for row in kept] or [0.0]
    low, high = min([*scores, *ends]), max([*scores, *ends])
    margin = 0.04 * (high - low) or 0.02 * abs(high) or 0.5
    return Frame(max(low - margin, limits[0]), min(high + margin, limits[1]), len(rows) - len(kept))


ENDS = ("low", "high")


def _rows(report: Report) -> list[Row]:
    base = base_of(report.metric)
    rows: list[Row] = []
    for arm, chosen in chosen_arms(report):
        for split, words in SPLITS.items():
            name = f"{split}_{base}"
            score = chosen.scores.get(name)
            if name == report.method.compared_metric:
                score = compared_score(report, arm)
            if score:
                low, high = score.ci95 or (score.mean, score.mean)
                rows.append(
                    {"arm": arm.name, "split": words, "score": score.mean, "low": low, "high": high}
                )
    return rows
