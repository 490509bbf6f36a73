"""What the best arm predicted against what was true, for a regression of one target."""

from __future__ import annotations

import numpy as np

from core.report.classified import Real
from core.report.evidence import Evidence
from core.report.figures.best import best_predicted, colour_named, rows_words
from core.report.figures.frame import Frame, frame_of
from core.report.figures.theme import MUTED, WIDTH, Drawing, Row, Spec, decimated
from core.report.report import Arm, Report
from core.report.words import number

SIDE = 260  # pixels: both axes are the same


def applies(report: Report, evidence: Evidence) -> bool:
    found = best_predicted(report, evidence)
    known = [] if found is None else [found[1].target_MO, found[1].prediction_MO]
    return bool(known) and all(values is not None and values.shape[1] == 1 for values in known)


def title(report: Report, evidence: Evidence) -> str:
    arm, target_M, prediction_M = pairs_of(report, evidence)
    half = number(float(np.median(np.abs(prediction_M - target_M))), 2)
    return f"Half of {arm.name}'s predictions are within ±{half}{unit_of(report)} of the truth"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    arm, target_M, prediction_M = pairs_of(report, evidence)
    frame = frame_of(np.concatenate([target_M, prediction_M]).tolist())
    rows = scatter(frame, target_M, frame, prediction_M)
    beyond = Frame(frame.low, frame.high, len(target_M) - _inside(frame, target_M, prediction_M))
    ends = [{"x": frame.low, "y": frame.low}, {"x": frame.high, "y": frame.high}]
    x = value_axis("x", f"true value{unit_of(report)}", frame)
    y = value_axis("y", f"predicted value{unit_of(report)}", frame)
    body = {
        "width": min(SIDE + 40, WIDTH),
        "height": SIDE,
        "layer": [
            {
                "data": {"values": ends},
                "mark": {"type": "line", "color": MUTED, "strokeWidth": 1},
                "encoding": {"x": x, "y": y},
            },
            dots(rows, x, y, colour_named(report, arm)),
        ],
    }
    told = rows_words(evidence.predictions[arm.name]) + _some(rows, target_M)
    subtitle = f"{arm.name} on {told}; on the thin line a prediction is exact."
    return Drawing(subtitle + beyond.words(), body)


def pairs_of(report: Report, evidence: Evidence) -> tuple[Arm, Real, Real]:
    """The best arm, its true values and its predictions, (M,) each."""
    found = best_predicted(report, evidence)
    assert found is not None, "predictions drawn without any"
    arm, answers = found
    assert answers.target_MO is not None, "a scatter is of values"
    assert answers.prediction_MO is not None, "a scatter is of predictions"
    return arm, answers.target_MO[:, 0], answers.prediction_MO[:, 0]


def unit_of(report: Report) -> str:
    """` (standardised)`, where values are not the data's own."""
    return f" ({report.method.unit})" if report.method.unit else ""


def value_axis(field: str, title: str, frame: Frame) -> Spec:
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": frame.domain, "nice": False, "zero": False},
        "axis": {"title": title, "tickCount": 5, "labelOverlap": True, "titleLimit": 300},
    }


def scatter(wide: Frame, x_M: Real, tall: Frame, y_M: Real) -> list[Row]:
    """The points inside both frames, at most POINTS_MAX of them."""
    pairs = zip(x_M.tolist(), y_M.tolist(), strict=True)
    rows: list[Row] = [{"x": x, "y": y} for x, y in pairs if wide.holds(x) and tall.holds(y)]
    return decimated(rows, [False] * len(rows))


def dots(rows: list[Row], x: Spec, y: Spec, colour: str) -> Spec:
    opacity = 0.75 if len(rows) < 200 else 0.4
    return {
        "data": {"values": rows},
        "mark": {"type": "point", "filled": True, "size": 22, "color": colour, "opacity": opacity},
        "encoding": {"x": x, "y": y},
    }


def _inside(frame: Frame, x_M: Real, y_M: Real) -> int:
    within_M = (np.minimum(x_M, y_M) >= frame.low) & (np.maximum(x_M, y_M) <= frame.high)
    return int(within_M.sum())


def _some(rows: list[Row], all_M: Real) -> str:
    return f", {len(rows):,} of {len(all_M):,} predictions drawn" if len(rows) < len(all_M) else ""
