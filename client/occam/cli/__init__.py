"""The command line: `occam`."""

from __future__ import annotations

import sys

import typer
from rich.console import Console

from occam.cli.files import Unusable
from occam.cli.jobs import cancel, jobs
from occam.cli.read import catalog, report
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
    jobs,
    cancel,
    report,
    catalog,
):
    app.command()(command)


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
