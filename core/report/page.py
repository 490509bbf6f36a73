"""A report as one self-contained HTML page: no script, no external resource, light and dark."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from core.report.cells import SETTINGS_MAX, Tag, arm_rows, pair_rows, setting_rows, threshold_rows
from core.report.evidence import Evidence
from core.report.figures.theme import GRID, INK, MUTED, PAPER, Figure, colour_of
from core.report.gains import gains_of
from core.report.image import figure_svg
from core.report.importance_table import importance_head, importance_rows, importance_words
from core.report.report import Outcome, Report
from core.report.words import counted, metric_words, unit_of_difference

if TYPE_CHECKING:
    from jinja2 import Template

# what the page needs, for the response's header as well
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
PAIRS_MAX = 200
OUTCOMES: dict[Outcome, Tag] = {
    "better": Tag("better", "▲", "Shown to be better"),
    "equivalent": Tag("same", "≈", "Equivalent in practice"),
    "undecided": Tag("open", "?", "Not decided"),
    "nothing_beats_baseline": Tag("same", "≈", "Nothing is shown to beat the baseline"),
    "single": Tag("same", "•", "One arm, compared with nothing"),
}
# colours of paper and ink follow the reader's theme; those of data stay
_THEMED = {INK: "var(--ink)", MUTED: "var(--muted)", GRID: "var(--line)", PAPER: "var(--paper)"}


@dataclass(frozen=True)
class Drawn:
    """A figure on the page: its SVG without a title, which the page sets in its own letters."""

    name: str
    title: str
    subtitle: str
    svg: str


def to_html(report: Report, figures: Mapping[str, Figure], evidence: Evidence | None = None) -> str:
    """The page. figures: as `figures(report, evidence)` gives them."""
    importance = evidence.importance if evidence else None
    colours = colour_of(report)
    body = report.action.body if report.action else None
    return _template().render(
        report=report,
        style=_resource("page.css"),
        policy=CONTENT_SECURITY_POLICY.partition("; frame-ancestors")[0],  # not allowed in meta
        title=", ".join(job.name or job.job for job in report.reproduce.jobs),
        outcome=OUTCOMES[report.outcome],
        extend=f"POST /v1/jobs/{report.jobs[0]}/extend",
        action_body=json.dumps(body, ensure_ascii=False),
        rows=_parts(report),
        replicates=_replicates(report),
        metric=metric_words(report.metric),
        compared=metric_words(report.method.compared_metric),
        arms=arm_rows(report),
        arms_words=_arms_words(report),
        pairs=pair_rows(report, PAIRS_MAX),
        pairs_words=_pairs_words(report),
        thresholds=threshold_rows(report),
        thresholds_words=_thresholds_words(report),
        importance=importance_rows(importance) if importance else [],
        importance_head=importance_head(importance) if importance else "",
        importance_words=importance_words(importance) if importance else "",
        settings=[setting_rows(report, arm) for arm in report.arms if len(arm.settings) > 1],
        settings_max=SETTINGS_MAX,
        figures=[_drawn(name, figure) for name, figure in figures.items()],
        colours=dict(zip(colours["domain"], colours["range"], strict=True)),
        bodies={
            job.job: json.dumps(job.body, ensure_ascii=False, indent=2)
            for job in report.reproduce.jobs
        },
    )


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_resource("page.html.j2"))


def _resource(name: str) -> str:
    return resources.files("core.report").joinpath(name).read_text("utf-8")


def _drawn(name: str, figure: Figure) -> Drawn:
    """For a page that holds several: its ids its own, its colours the theme's."""
    svg = figure_svg(figure, prefix=f"{name}-", titled=False)
    for colour, variable in _THEMED.items():
        for attribute in ("fill", "stroke"):
            svg = svg.replace(f'{attribute}="{colour}"', f'{attribute}="{variable}"')
    return Drawn(name, figure.title, figure.subtitle, svg)


def _parts(report: Report) -> list[tuple[str, int]]:
    """How many rows train, validate and test."""
    rows = report.rows
    named = (
        ("Trains", rows.train),
        ("Validates", rows.validation),
        ("Tests", rows.test),
        ("All tested", rows.tested if rows.tested != rows.test else None),
    )
    return [(name, count) for name, count in named if count is not None]


def _replicates(report: Report) -> str:
    """`2 repeats × 5 folds × 1 seed`."""
    method = report.method
    named = (
        ("repeat", method.repeats if method.repeats > 1 else None),
        ("fold", method.folds),
        ("inner fold", method.inner_folds),
        ("seed", method.seeds),
    )
    return " × ".join(counted(count, noun) for noun, count in named if count)


def _arms_words(report: Report) -> str:
    unit = unit_of_difference(report.metric).strip()
    told = "Best validation first. Means over replicates with 95 % intervals"
    points = f"; gap and optimism in percentage {unit}" if unit else ""
    return (
        f"{told}. Gap: training minus validation, positive is overfitting; optimism: validation "
        f"minus test, positive promised too much; seconds are of one run{points}."
    )


def _thresholds_words(report: Report) -> str:
    found = [arm.threshold for arm in report.arms if arm.threshold is not None]
    if not found:
        return ""
    return (
        f"The probability of {found[0].positive} above which a row is said to be of it: median and "
        f"range over runs, each chosen on its own validation rows to make "
        f"{found[0].metric.replace('_', ' ')} highest, and scored on test rows that had no part in "
        f"it. Gains are over 0.5, paired by row; their intervals hold for all arms at once."
    )


def _pairs_words(report: Report) -> str:
    metric = report.method.compared_metric
    unit = unit_of_difference(metric).strip()
    left = len(gains_of(report)) - PAIRS_MAX
    return (
        f"Gains in {metric_words(metric)}{f', in percentage {unit}' if unit else ''}: positive is "
        f"better.{f' {left} more pairs are in the JSON.' if left > 0 else ''}"
    )
