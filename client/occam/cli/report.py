"""`occam report`: print, save or open what was found."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from tempfile import gettempdir
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from occam.answers import Report
from occam.cli.files import write
from occam.cli.jobs import JobId
from occam.client import Client
from occam.table import best_first, headings, said

PLAIN_WIDTH = 120  # in a file or a log nothing needs to fit a screen

Format = Literal["table", "md", "json", "html", "csv"]


def report(
    job_id: JobId,
    format: Annotated[Format, typer.Option(help="How to print it.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file instead.")
    ] = None,
    open: Annotated[bool, typer.Option("--open", help="Show the HTML in a browser.")] = False,
) -> None:
    """Print, save or open the report of a job."""
    with Client() as client:
        if open:
            path = output or Path(gettempdir()) / f"occam-{job_id}.html"
            write(path, client.report(job_id, "html"))
            print(path)
            webbrowser.open(path.resolve().as_uri())
        elif format == "table" and output is None:
            show(client.report(job_id))
        else:
            text = client.report(job_id, _format_of(format, output))
            if output is None:
                print(text)
            else:
                write(output, text)


def show(found: Report) -> None:
    """One row for each arm, best first, then what was found, and what to know of it."""
    console = wide_console()
    table = Table(*headings(found), box=None, pad_edge=False)
    for row in best_first(found):
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)
    console.print()
    headline, rest = said(found)
    console.print(Text(headline, style="bold"))
    if rest:
        console.print(Text(rest))
    for note in found.notes:
        console.print(Text(f"note: {note}", style="yellow"))
    if found.partial:
        console.print("partial: not every run has finished", style="yellow")


def wide_console() -> Console:
    """Standard output, which outside a terminal is wide."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = max(console.width, PLAIN_WIDTH)
    return console


def _format_of(format: Format, output: Path | None) -> Literal["md", "json", "html", "csv"]:
    """The format asked for, else the one that the file's name ends with, else Markdown."""
    if format != "table":
        return format
    suffix = output.suffix.lstrip(".") if output else ""
    return next((known for known in _SUFFIXES if known == suffix), "md")


_SUFFIXES: tuple[Literal["md", "json", "html", "csv"], ...] = ("md", "json", "html", "csv")
