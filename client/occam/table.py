"""Tables as text, and a report as one; shared by the notebook and the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # answers draw themselves with this module
    from occam.answers import ArmReport, Chosen, Report, Score

Row = tuple[str, str, str, str, str]


def best_first(report: Report) -> list[Row]:
    """A row per arm: name, chosen setting, validation score, test score, share of exact zeros."""
    return [_row(arm, report) for arm in ranked(report)]


def ranked(report: Report) -> list[ArmReport]:
    """The arms, best validation score first."""
    return sorted(report.arms, key=lambda arm: _rank(arm, report))


def headings(report: Report) -> Row:
    """What `best_first` has in its columns."""
    metric = report.metric.partition("_")[2] or report.metric
    return ("arm", "chosen", f"validation {metric}", f"test {metric}", "exact zeros")


def as_text(report: Report) -> str:
    """The headline, the rest of the verdict, the table in plain columns, and the notes."""
    rows = [headings(report), *best_first(report)]
    partial = ["partial: not every run has finished"] if report.partial else []
    notes = [f"note: {note}" for note in report.notes]
    return "\n".join(
        [
            *filter(None, said(report)),
            *partial,
            "",
            *columns(rows),
            *([""] if notes else []),
            *notes,
        ]
    )


def said(report: Report) -> tuple[str, str]:
    """The headline, and the rest of the verdict; of an older service, the verdict alone."""
    if not report.headline:
        return report.verdict, ""
    return report.headline, report.verdict.removeprefix(report.headline).strip()


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A line for each row, columns two spaces apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def chosen_of(arm: ArmReport, report: Report) -> Chosen | None:
    """The setting that the job's own rule chose, or the best mean where it has none."""
    return arm.chosen.get(report.rule()) or arm.chosen.get("min")


def _rank(arm: ArmReport, report: Report) -> float:
    chosen = chosen_of(arm, report)
    score = _scores(arm, chosen).get(report.metric)
    if score is None or score.mean is None:
        return float("inf")
    return -score.mean if report.direction == "max" else score.mean


def _row(arm: ArmReport, report: Report) -> Row:
    chosen = chosen_of(arm, report)
    if chosen is None:
        return (arm.name, "–", "–", "–", "–")
    test, scores = "test_" + report.metric.partition("_")[2], _scores(arm, chosen)
    return (
        arm.name + (" (baseline)" if arm.baseline else "") + (" (at chance)" * arm.at_chance),
        chosen.label + (" (edge of its range)" if chosen.at_edge else ""),
        str(scores.get(report.metric) or "–"),
        _with_interval(scores.get(test)),
        _share(chosen.zeros),
    )


def _scores(arm: ArmReport, chosen: Chosen | None) -> dict[str, Score]:
    """Of the settings that the arm's folds chose; of an older service, of the one to use."""
    return arm.scores or (chosen.scores if chosen else {})


def _with_interval(score: Score | None) -> str:
    if score is None or score.mean is None or score.ci95 is None or None in score.ci95:
        return str(score or "–")
    return f"{score} [{score.ci95[0]:.4g}, {score.ci95[1]:.4g}]"


def _share(zeros: float | None) -> str:
    return "–" if zeros is None else f"{zeros:.1%}"
