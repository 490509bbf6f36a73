"""Figures: each one function from a report and its curves to a Vega-Lite document."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.report.figures import (
    against_strength,
    effects,
    gap,
    learning,
    objective,
    pair_matrix,
    sparsity,
)
from core.report.figures.theme import Figure, Spec
from core.report.records import CurveRecord
from core.report.report import FigureLink, Report

__all__ = ["FIGURES", "Figure", "curves_wanted", "figure", "figure_links", "figures"]


@dataclass(frozen=True)
class _Kind:
    """applies: whether this report has anything to draw."""

    applies: Callable[[Report], bool]
    title: Callable[[Report], str]
    spec: Callable[[Report, Sequence[CurveRecord]], Spec]


FIGURES: dict[str, _Kind] = {
    "score": _Kind(against_strength.applies, against_strength.title, against_strength.spec),
    "effects": _Kind(effects.applies, effects.title, effects.spec),
    "learning": _Kind(learning.applies, learning.title, learning.spec),
    "gap": _Kind(gap.applies, gap.title, gap.spec),
    "sparsity": _Kind(sparsity.applies, sparsity.title, sparsity.spec),
    "objective": _Kind(objective.applies, objective.title, objective.spec),
    "pairs": _Kind(pair_matrix.applies, pair_matrix.title, pair_matrix.spec),
}


def figures(report: Report, curves: Sequence[CurveRecord]) -> dict[str, Figure]:
    """All figures that this report has something to draw in, in reading order."""
    return {link.name: figure(report, curves, link.name) for link in report.figures}


def figure(report: Report, curves: Sequence[CurveRecord], name: str) -> Figure:
    """One figure by name; KeyError when the report does not list it."""
    if name not in {link.name for link in report.figures}:
        raise KeyError(name)
    kind = FIGURES[name]
    return Figure(title=kind.title(report), spec=kind.spec(report, curves))


def curves_wanted(report: Report) -> tuple[list[str], list[str]]:
    """(run ids, metric names) of the curves that `figures` draws; fetch no others."""
    return learning.wanted(report)


def figure_links(report: Report) -> list[FigureLink]:
    """Which figures apply; with links where the report is of one job and so has an address."""
    return [
        FigureLink(name=name, title=kind.title(report), links=_links(report, name))
        for name, kind in FIGURES.items()
        if kind.applies(report)
    ]


def _links(report: Report, name: str) -> dict[str, str]:
    if len(report.jobs) != 1:
        return {}
    stem = f"/v1/jobs/{report.jobs[0]}/figures/{name}"
    return {"json": f"{stem}.json", "svg": f"{stem}.svg", "png": f"{stem}.png"}
