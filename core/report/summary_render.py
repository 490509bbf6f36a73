"""A summary over datasets as CSV, Markdown and HTML."""

from __future__ import annotations

import csv
import io
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from core.report.render import bullets, inert, plain, score_words, table
from core.report.summary import Summary
from core.report.words import metric_words, number

if TYPE_CHECKING:
    from jinja2 import Template


def summary_csv(summary: Summary) -> str:
    """A row for each arm on each dataset."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["dataset", "arm", "metric", "mean", "ci95_low", "ci95_high", "rank"])
    for found in summary.datasets:
        for name, score in found.scores.items():
            ends = score.ci95 or (None, None)
            cells = [summary.compared_metric, score.mean, *ends, found.ranks[name]]
            writer.writerow([inert(found.dataset), inert(name), *cells])
    return out.getvalue()


def summary_markdown(summary: Summary) -> str:
    """For a pull request, a wiki or a terminal."""
    head, rows = cells_of(summary)
    parts = [
        "# " + plain(", ".join(found.dataset for found in summary.datasets)),
        f"**{plain(summary.headline)}** {plain(summary.proven)}",
        f"## Before believing it\n\n{bullets(summary.notes)}" if summary.notes else "",
        f"## In detail\n\n{bullets(summary.details)}",
        f"## {metric_words(summary.compared_metric).capitalize()}, and rank\n\n"
        + table([plain(cell) for cell in head], [[plain(cell) for cell in row] for row in rows]),
        f"## Method\n\n{bullets(summary.words)}",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def summary_html(summary: Summary) -> str:
    """One self-contained page."""
    from core.report.page import CONTENT_SECURITY_POLICY  # late: figures come with it

    head, rows = cells_of(summary)
    return _template().render(
        summary=summary,
        head=head,
        rows=rows,
        title=", ".join(found.dataset for found in summary.datasets),
        style=resources.files("core.report").joinpath("page.css").read_text("utf-8"),
        policy=CONTENT_SECURITY_POLICY.partition("; frame-ancestors")[0],
    )


def cells_of(summary: Summary) -> tuple[list[str], list[list[str]]]:
    """A row for each dataset, a column for each arm, and the average ranks."""
    names = [arm.name for arm in summary.arms]
    rows = [
        [
            found.dataset,
            *(
                f"{score_words(summary.compared_metric, found.scores[name])} · "
                f"{number(found.ranks[name], 2)}"
                for name in names
            ),
        ]
        for found in summary.datasets
    ]
    average = ["average rank", *(number(arm.average_rank, 3) for arm in summary.arms)]
    return ["Dataset", *names], [*rows, average]


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    source = resources.files("core.report").joinpath("summary.html.j2").read_text("utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(source)
