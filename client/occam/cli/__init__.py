"""The command line: `occam`."""

from __future__ import annotations

import sys
from importlib.metadata import version as package_version
from typing import Annotated

import typer
from rich.console import Console

from occam.cli.catalog import catalog
from occam.cli.datasets import datasets, upload
from occam.cli.files import Unusable
from occam.cli.jobs import cancel, delete, jobs, pause, resume
from occam.cli.report import report
from occam.cli.runs import metrics, runs, weights
from occam.cli.serve import api, migrate, serve, worker
from occam.cli.submit import follow, submit
from occam.errors import InvalidRequest, InvalidSpec, OccamError

EXIT_FAILED, EXIT_MISUSED = 1, 2

app = typer.Typer(
    help="Occam trains many models together and says which regularizer generalises best.\n\n"
    "OCCAM_URL and OCCAM_API_KEY name the service and the key.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
for command in (
    serve,
    api,
    worker,
    migrate,
    submit,
    follow,
    report,
    jobs,
    pause,
    resume,
    cancel,
    delete,
    runs,
    metrics,
    weights,
    datasets,
    upload,
    catalog,
):
    app.command()(command)


def _print_version(asked: bool) -> None:
    if asked:
        print(f"occam {package_version('occam')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version and exit.",
            is_eager=True,
            callback=_print_version,
        ),
    ] = False,
) -> None:
    pass  # the callback has done it; a docstring would replace the app's help


def main() -> None:
    """Run a command; an error is one readable block on stderr, and exit code 1 or 2."""
    try:
        app(prog_name="occam")
    except OccamError as error:
        Console(stderr=True, soft_wrap=True, highlight=False).print(
            f"error: {error}", markup=False, style="red"
        )
        misused = isinstance(error, InvalidSpec | InvalidRequest | Unusable)
        sys.exit(EXIT_MISUSED if misused else EXIT_FAILED)
