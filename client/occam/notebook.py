"""How jobs, reports and lists look in a notebook: a line, a table, figures. No script, no style of
its own beyond layout, so that it suits light and dark and every tool that shows HTML."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from occam.table import best_first, headings, said

if TYPE_CHECKING:  # answers draw themselves with this module
    from occam.answers import Job, Report

_CELL = "padding:2px 10px;text-align:left"
_FIGURES = "display:flex;flex-wrap:wrap;align-items:flex-start;gap:12px;margin-top:12px"
_FIGURE = "flex:1 1 380px;max-width:480px;min-width:min(100%,320px)"


def job_html(job: Job) -> str:
    """One line: name, status, a bar, and how far it is."""
    bar = f'<progress value="{job.progress.fraction:.4f}" max="1" style="width:12em"></progress>'
    why = f" {escape(job.why)}" if job.why else ""
    return (
        f"<div><b>{escape(job.name or job.id)}</b> {escape(job.status)} {bar} "
        f"{escape(job.progress.line())}{why}</div>"
    )


def report_html(report: Report, figures: Mapping[str, bytes]) -> str:
    """The verdict, one row for each arm, best first, the notes, and the figures by title (SVGs)."""
    partial = "<p><i>Partial: not every run has finished.</i></p>" if report.partial else ""
    headline, rest = said(report)
    drawn = "".join(_image(title, svg) for title, svg in figures.items())
    return (
        f"<div><p><b>{escape(headline)}</b> {escape(rest)}</p>{partial}"
        f"{_table(headings(report), best_first(report))}{_list(report.notes)}"
        + (f'<div style="{_FIGURES}">{drawn}</div>' if drawn else "")
        + "</div>"
    )


def rows_html(what: str, rows: Sequence[Mapping[str, object]], *, more: bool) -> str:
    """The first rows of a list, with a column for each member that any of them has."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in columns] for row in rows]
    which = f"the first {len(rows)} " if more else ("no " if not rows else "")
    return (
        f"<div><p>{escape(which + what)}</p>"
        f'<div style="overflow-x:auto">{_table(columns, cells)}</div></div>'
    )


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th style="{_CELL}">{escape(name)}</th>' for name in names)
    body = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(cell)}</td>' for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _list(sentences: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _image(title: str, svg: bytes) -> str:
    """As an image: the ids of two inline SVGs on one page would meet, and viewers strip them."""
    source = f"data:image/svg+xml;base64,{b64encode(svg).decode()}"
    return f'<img alt="{escape(title)}" src="{source}" style="{_FIGURE}">'


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
