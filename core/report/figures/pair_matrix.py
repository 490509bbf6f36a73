"""Every arm against every other: who is better, by how much, and where it is open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from core.report.choose import sign_of
from core.report.figures.theme import INK, PAPER, Row, Spec, document, shown_arms
from core.report.records import CurveRecord
from core.report.report import PairVerdict, Report
from core.report.words import (
    counted,
    differences,
    is_share,
    listed,
    metric_words,
    number,
    unit_of_difference,
)

COLOURS: dict[PairVerdict, str] = {
    "better": "#0072b2",
    "equivalent": "#c9d3dc",
    "undecided": "#f3f0e6",
    "worse": "#d55e00",
}
# words on cells, which keep their colour on a dark page; unlike INK and PAPER these do too
ON_LIGHT, ON_STRONG = "#1f2932", "#fffffe"
TURNED: dict[PairVerdict, PairVerdict] = {"better": "worse", "worse": "better"}


def applies(report: Report) -> bool:
    return len(shown_arms(report)) > 1 and bool(_rows(report))


def title(report: Report) -> str:
    counts = Counter(pair.verdict for pair in report.pairs)
    won: dict[str, list[str]] = {}
    for row in _rows(report):
        if row["verdict"] == "better":
            won.setdefault(str(row["a"]), []).append(str(row["b"]))
    rest = f"{counts['undecided']} of {counted(len(report.pairs), 'pair')} undecided"
    if not won:
        if counts["undecided"]:
            return f"No arm is shown to be better than another: {rest}"
        return "No arm is shown to be better than another: all are equivalent"
    winner = max(won, key=lambda name: len(won[name]))
    beaten = won[winner]
    named = listed(beaten) if len(beaten) <= 3 else f"{len(beaten)} other arms"
    return f"{winner} is better than {named}; {rest}"


def spec(report: Report, curves: Sequence[CurveRecord]) -> Spec:
    names = [arm.name for arm in shown_arms(report)]
    step = max(56, min(118, 480 // len(names)))
    axis = {"title": None, "labelFontSize": 12, "labelColor": INK, "domain": False, "ticks": False}
    x = {
        "field": "b",
        "type": "nominal",
        "sort": names,
        "axis": {
            **axis,
            "orient": "top",
            "labelAngle": 0,
            "labelLimit": step - 6,
            "title": "than this",
        },
        "scale": {"domain": names},
    }
    y = {
        "field": "a",
        "type": "nominal",
        "sort": names,
        "axis": {**axis, "title": "is this"},
        "scale": {"domain": names},
    }
    unit = unit_of_difference(report.method.compared_metric).strip()
    subtitle = (
        f"Difference in {metric_words(report.method.compared_metric)}"
        f"{f' in percentage {unit}' if unit else ''}, signed so that positive is better, with "
        f"adjusted p. Read along a row: is the arm on the left better than the one above?"
    )
    body = {
        "width": {"step": step},
        "height": {"step": 54},
        "data": {"values": _rows(report)},
        "encoding": {"x": x, "y": y},
        "layer": [
            {
                "mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 3, "cornerRadius": 6},
                "encoding": {
                    "color": {
                        "field": "verdict",
                        "type": "nominal",
                        "scale": {"domain": list(COLOURS), "range": list(COLOURS.values())},
                        "legend": {"title": None, "orient": "top", "symbolStrokeWidth": 0},
                    }
                },
            },
            _text("difference", 13 if step > 70 else 11, -8, weight=600),
            _text("p", 10.5, 10, weight=400),
        ],
    }
    return document(report, title(report), subtitle, body)


def _text(field: str, size: float, dy: int, *, weight: int) -> Spec:
    strong = {"test": {"field": "verdict", "oneOf": ["better", "worse"]}, "value": ON_STRONG}
    return {
        "mark": {"type": "text", "fontSize": size, "fontWeight": weight, "dy": dy},
        "encoding": {
            "text": {"field": field, "type": "nominal"},
            "color": {"condition": strong, "value": ON_LIGHT},
        },
    }


def _rows(report: Report) -> list[Row]:
    """Both triangles, each seen from its row's arm."""
    shown = {arm.name for arm in shown_arms(report)}
    sign = sign_of(report.direction)
    rows: list[Row] = []
    for pair in report.pairs:
        if pair.difference is None or not {pair.a, pair.b} <= shown:
            continue
        turned = TURNED.get(pair.verdict, pair.verdict)
        sides = ((pair.a, pair.b, pair.verdict, sign), (pair.b, pair.a, turned, -sign))
        for a, b, verdict, side in sides:
            gain = side * pair.difference
            size = _size(report.method.compared_metric, gain)
            rows.append(
                {
                    "a": a,
                    "b": b,
                    "verdict": verdict,
                    "difference": f"+{size}" if gain > 0 else size,
                    "p": _p(pair.p_adjusted),
                }
            )
    return rows


def _size(metric: str, gain: float) -> str:
    """Short enough for a cell."""
    return differences(metric, [gain])[0] if is_share(metric) else number(gain, 2)


def _p(value: float | None) -> str:
    if value is None:
        return "no test"
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"
