"""How a job and a report look in a notebook: one line, and one table."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from occam.table import best_first

if TYPE_CHECKING:  # answers draw themselves with this module
    from occam.answers import Job, Report

_CELL = "padding:2px 10px;text-align:left"


def job_html(job: Job) -> str:
    """One line: name, status, a bar, and how far it is."""
    bar = f'<progress value="{job.progress.fraction:.4f}" max="1" style="width:12em"></progress>'
    why = f" {escape(job.why)}" if job.why else ""
    return (
        f"<div><b>{escape(job.name or job.id)}</b> {escape(job.status)} {bar} "
        f"{escape(job.progress.line())}{why}</div>"
    )


def report_html(report: Report) -> str:
    """The verdict, and one row for each arm, best first."""
    headings = ("arm", "chosen", f"{report.metric} (validation)", "test", "exact zeros")
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in headings)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row) + "</tr>"
        for row in best_first(report)
    )
    partial = "<p><i>Partial: not every run has finished.</i></p>" if report.partial else ""
    return (
        f"<div><p><b>{escape(report.verdict)}</b></p>{partial}"
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
