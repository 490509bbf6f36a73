"""Which classes the best arm takes for which."""

from __future__ import annotations

import numpy as np

from core.report.classified import Real, confusion
from core.report.evidence import Evidence
from core.report.figures.best import best_predicted, colour_named, has_classes, rows_words
from core.report.figures.theme import INK, MUTED, ON_STRONG, WIDTH, Drawing, Row, Spec
from core.report.report import Report

applies = has_classes
WORDS_MAX = 12  # more classes than this leave no room for numbers
STEP_MAX = 84  # pixels of a column
STRONG = 0.4  # share from which a cell is dark


def title(report: Report, evidence: Evidence) -> str:
    """The largest share of a class that is taken for another."""
    found = best_predicted(report, evidence)
    assert found is not None, "a confusion matrix without predictions"
    arm, answers = found
    cells_CC = confusion(answers, len(evidence.classes))
    wrong_CC = cells_CC * (1 - np.eye(len(cells_CC)))
    if not wrong_CC.any():
        return f"{arm.name} takes no class for another"
    shares_CC = _shares(wrong_CC, cells_CC)
    true, taken = divmod(int(shares_CC.argmax()), len(shares_CC))
    names = evidence.classes
    return (
        f"{arm.name} takes {names[true]} for {names[taken]} most: "
        f"{100 * shares_CC[true, taken]:.1f} % of its rows"
    )


def drawing(report: Report, evidence: Evidence) -> Drawing:
    found = best_predicted(report, evidence)
    assert found is not None, "a confusion matrix without predictions"
    arm, answers = found
    step = min(STEP_MAX, (WIDTH - 40) // len(evidence.classes))
    rows = _rows(evidence, confusion(answers, len(evidence.classes)))
    body = {
        "width": {"step": step},
        "height": {"step": min(step, 40)},
        "data": {"values": rows},
        "encoding": {
            "x": _axis("taken", "taken for", evidence, step) | {"axis": _across(evidence, step)},
            "y": _axis("true", "true class", evidence, 100),
        },
        "layer": [
            {
                "mark": {"type": "rect", "color": colour_named(report, arm)},
                "encoding": {
                    "opacity": {
                        "field": "share",
                        "type": "quantitative",
                        "scale": {"type": "sqrt", "domain": [0, 1], "range": [0, 1]},
                        "legend": None,
                    }
                },
            },
            *([_words(step)] if len(evidence.classes) <= WORDS_MAX else []),
        ],
    }
    subtitle = (
        f"{arm.name} on {rows_words(answers)}: of each true class (a row, 100 %), the per cent "
        "taken for each class. The diagonal is recall."
    )
    return Drawing(subtitle, body)


def _across(evidence: Evidence, step: int) -> Spec:
    """Names below their columns, turned where they would meet."""
    wide = max(len(name) for name in evidence.classes) * 7 > step
    return {
        "title": "taken for",
        "labelAngle": -45 if wide else 0,
        "labelLimit": 90,
        "labelColor": INK,
        "titleColor": MUTED,
        "domain": False,
        "ticks": False,
    }


def _axis(field: str, title: str, evidence: Evidence, limit: int) -> Spec:
    return {
        "field": field,
        "type": "nominal",
        "sort": list(evidence.classes),
        "axis": {
            "title": title,
            "labelLimit": limit,
            "labelColor": INK,
            "titleColor": MUTED,
        },
    }


def _words(step: int) -> Spec:
    strong = {"test": {"field": "share", "gt": STRONG}, "value": ON_STRONG}
    return {
        "mark": {"type": "text", "fontSize": 11 if step > 30 else 9.5},
        "encoding": {
            "text": {"field": "told", "type": "nominal"},
            "color": {"condition": strong, "value": INK},
        },
    }


def _rows(evidence: Evidence, cells_CC: Real) -> list[Row]:
    shares_CC = _shares(cells_CC, cells_CC)
    names = evidence.classes
    return [
        {
            "true": names[i],
            "taken": names[j],
            "share": float(shares_CC[i, j]),
            "rows": float(cells_CC[i, j]),
            "told": _told(float(shares_CC[i, j])),
        }
        for i in range(len(names))
        for j in range(len(names))
    ]


def _told(share: float) -> str:
    """Per cent without its sign; nothing for none, so that errors stand out."""
    return "" if not share else "100" if share == 1 else f"{100 * share:.1f}"


def _shares(
    part_CC: Real,
    whole_CC: Real,
) -> Real:
    """Of the rows of each true class; zero where there are none."""
    rows_C1 = whole_CC.sum(1, keepdims=True)
    shares_CC: Real = np.divide(part_CC, rows_C1, out=np.zeros_like(part_CC), where=rows_C1 > 0)
    return shares_CC
