"""Whose predictions a figure of one arm shows: the best arm's that has any."""

from __future__ import annotations

from core.report.evidence import Evidence, Predictions
from core.report.figures.theme import BASELINE, best_of, colour_of, in_rank, shown_arms
from core.report.report import Arm, Report

CLASSES_MAX = 20  # more would be too small to read


def best_predicted(report: Report, evidence: Evidence) -> tuple[Arm, Predictions] | None:
    """The best arm of those whose predictions were kept."""
    best = best_of(report)
    order = [*([best] if best else []), *(arm for arm, _ in in_rank(report))]
    kept = [arm for arm in order if arm.name in evidence.predictions]
    return (kept[0], evidence.predictions[kept[0].name]) if kept else None


def predicted_arms(report: Report, evidence: Evidence) -> list[tuple[Arm, Predictions]]:
    """The shown arms whose class probabilities were kept, in the report's order."""
    known = [(arm, evidence.predictions.get(arm.name)) for arm in shown_arms(report)]
    return [
        (arm, answers)
        for arm, answers in known
        if answers is not None
        and answers.probability_MC is not None
        and answers.target_M is not None
    ]


def has_classes(report: Report, evidence: Evidence) -> bool:
    """Whether the best arm's test rows are of classes, as many as can be drawn."""
    found = best_predicted(report, evidence)
    return (
        found is not None
        and found[1].target_M is not None
        and 2 <= len(evidence.classes) <= CLASSES_MAX
    )


def has_probabilities(report: Report, evidence: Evidence) -> bool:
    return len(evidence.classes) >= 2 and bool(predicted_arms(report, evidence))


def colour_named(report: Report, arm: Arm) -> str:
    """The arm's one colour."""
    scale = colour_of(report)
    colours: dict[str, str] = dict(zip(scale["domain"], scale["range"], strict=True))
    return colours.get(arm.name, BASELINE)


def rows_words(answers: Predictions) -> str:
    """`1,797 test rows, each 3 times`."""
    times = len(answers.index_M) / answers.rows
    each = "" if times == 1 else f", each {times:.3g} times on average"
    return f"{answers.rows:,} test rows{each}"
