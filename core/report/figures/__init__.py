"""Figures: each one module, from a report and its evidence to a Vega-Lite document."""

from __future__ import annotations

from typing import Protocol

from core.report.evidence import Evidence
from core.report.figures import (
    against_strength,
    choices,
    confusion,
    differences,
    gap,
    importance,
    learning,
    objective,
    per_class,
    precision_recall,
    predicted,
    reliability,
    residuals,
    roc,
    sparsity,
)
from core.report.figures.theme import Drawing, Figure, document
from core.report.report import FigureLink, Report

__all__ = ["FIGURES", "Figure", "curves_wanted", "figure", "figures", "with_figures"]


class Kind(Protocol):
    """What a figure's module has."""

    def applies(self, report: Report, evidence: Evidence) -> bool:
        """Whether there is anything to draw."""
        ...

    def title(self, report: Report, evidence: Evidence) -> str:
        """What the figure found, by as much evidence as there is."""
        ...

    def drawing(self, report: Report, evidence: Evidence) -> Drawing: ...


FIGURES: dict[str, Kind] = {
    "differences": differences,
    "score": against_strength,
    "choices": choices,
    "importance": importance,
    "confusion": confusion,
    "classes": per_class,
    "roc": roc,
    "precision_recall": precision_recall,
    "reliability": reliability,
    "predicted": predicted,
    "residuals": residuals,
    "gap": gap,
    "learning": learning,
    "sparsity": sparsity,
    "objective": objective,
}


def figures(report: Report, evidence: Evidence) -> dict[str, Figure]:
    """All figures that this report has something to draw in, in reading order."""
    return {
        name: _drawn(report, evidence, kind)
        for name, kind in FIGURES.items()
        if kind.applies(report, evidence)
    }


def figure(report: Report, evidence: Evidence, name: str) -> Figure:
    """One figure by name; KeyError where there is none or nothing to draw in it."""
    kind = FIGURES[name]
    if not kind.applies(report, evidence):
        raise KeyError(name)
    return _drawn(report, evidence, kind)


def curves_wanted(report: Report) -> tuple[list[str], list[str]]:
    """(run ids, metric names) of the curves that `figures` draws; fetch no others."""
    return learning.wanted(report)


def with_figures(report: Report, evidence: Evidence) -> Report:
    """The report with its figures; with links where it is of one job and so has an address."""
    links = [
        FigureLink(name=name, title=kind.title(report, evidence), links=_links(report, name))
        for name, kind in FIGURES.items()
        if kind.applies(report, evidence)
    ]
    return report.model_copy(update={"figures": links})


def _drawn(report: Report, evidence: Evidence, kind: Kind) -> Figure:
    return document(report, kind.title(report, evidence), kind.drawing(report, evidence))


def _links(report: Report, name: str) -> dict[str, str]:
    if len(report.jobs) != 1:
        return {}
    stem = f"/v1/jobs/{report.jobs[0]}/figures/{name}"
    return {"json": f"{stem}.json", "svg": f"{stem}.svg", "png": f"{stem}.png"}
