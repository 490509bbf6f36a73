"""What the best arm's predictions missed by, against the prediction."""

from __future__ import annotations

import numpy as np

from core.report.evidence import Evidence
from core.report.figures import predicted
from core.report.figures.best import colour_named, rows_words
from core.report.figures.frame import Frame, frame_of
from core.report.figures.predicted import dots, pairs_of, scatter, unit_of, value_axis
from core.report.figures.theme import HEIGHT, MUTED, WIDTH, Drawing
from core.report.report import Report
from core.report.words import number

applies = predicted.applies
UNEVEN = 1.25  # times as large an error in one half of the predictions as in the other


def title(report: Report, evidence: Evidence) -> str:
    arm, target_M, prediction_M = pairs_of(report, evidence)
    error_M = np.abs(prediction_M - target_M)
    upper_M = prediction_M > np.median(prediction_M)
    if upper_M.any():
        high, low = float(error_M[upper_M].mean()), float(error_M[~upper_M].mean())
        if high > UNEVEN * low > 0:
            return f"{arm.name} errs {high / low:.2g} times as much where it predicts more"
        if low > UNEVEN * high > 0:
            return f"{arm.name} errs {low / high:.2g} times as much where it predicts less"
    size = number(float(error_M.mean()), 2)
    return f"{arm.name} errs about equally everywhere: by {size}{unit_of(report)} on average"


def drawing(report: Report, evidence: Evidence) -> Drawing:
    arm, target_M, prediction_M = pairs_of(report, evidence)
    residual_M = prediction_M - target_M
    wide, tall = frame_of(prediction_M.tolist()), frame_of(residual_M.tolist(), ends=[0.0])
    rows = scatter(wide, prediction_M, tall, residual_M)
    outside_M = (prediction_M < wide.low) | (prediction_M > wide.high)
    outside_M |= (residual_M < tall.low) | (residual_M > tall.high)
    x = value_axis("x", f"predicted value{unit_of(report)}", wide)
    y = value_axis("y", f"predicted − true{unit_of(report)}", tall)
    body = {
        "width": WIDTH,
        "height": HEIGHT,
        "layer": [
            {
                "data": {"values": [{"y": 0}]},
                "mark": {"type": "rule", "color": MUTED, "strokeWidth": 1},
                "encoding": {"y": y},
            },
            dots(rows, x, y, colour_named(report, arm)),
        ],
    }
    told = rows_words(evidence.predictions[arm.name])
    subtitle = (
        f"{arm.name} on {told}; a shape in the cloud is something that the model has not learned."
    )
    return Drawing(subtitle + Frame(0, 0, int(outside_M.sum())).words(), body)
