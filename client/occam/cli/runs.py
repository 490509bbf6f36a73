"""`occam runs`, `metrics` and `weights`: what a job's runs hold."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Annotated, Any

import typer

from occam.answers import Job, Point, Run
from occam.cli.files import STDIN, write
from occam.cli.jobs import JobId
from occam.cli.table import print_table
from occam.client import Client, Which

POINT = ("run", "epoch", "name", "value")


def runs(
    job_id: JobId,
    arm: Annotated[str | None, typer.Option(help="Only this arm.")] = None,
    status: Annotated[str | None, typer.Option(help="Only runs with this status.")] = None,
    seed: Annotated[int | None, typer.Option(help="Only this seed.", min=0)] = None,
    repeat: Annotated[int | None, typer.Option(help="Only this repeat, from 0.", min=0)] = None,
    fold: Annotated[int | None, typer.Option(help="Only this outer fold, from 0.", min=0)] = None,
) -> None:
    """List a job's runs: arm, setting, seed, repeat, fold, status and scores."""
    with Client() as client:
        metric = _metric(client.job(job_id))
        found = client.runs(job_id, arm=arm, status=status, seed=seed, repeat=repeat, fold=fold)
        rows = [_row(run, metric) for run in found]
    test = "test_" + metric.partition("_")[2]
    headings = ("id", "arm", "seed", "repeat", "fold", "inner", "status", metric, test, "setting")
    print_table(headings, rows, empty="no runs", cut="setting")


def metrics(
    job_id: JobId,
    run: Annotated[str | None, typer.Option(help="Only this run.")] = None,
    arm: Annotated[str | None, typer.Option(help="Only this arm.")] = None,
    name: Annotated[str | None, typer.Option(help="Only this metric, as val_loss.")] = None,
    to_csv: Annotated[
        Path | None, typer.Option("--csv", help="Write CSV to this file; - prints it.")
    ] = None,
) -> None:
    """Print a job's logged metrics, or write them as CSV."""
    with Client() as client:
        points = client.metrics(job_id, run=run, arm=arm, name=name)
        if to_csv is None:
            rows = [(p.run, p.epoch, p.name, p.value) for p in points]
            print_table(POINT, rows, empty="no metrics")
        elif str(to_csv) == STDIN:
            sys.stdout.write(_csv(points))
        else:
            write(to_csv, _csv(points))


def weights(
    run_id: Annotated[str, typer.Argument(metavar="RUN", help="The run's id.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The safetensors file to write.")],
    which: Annotated[
        Which, typer.Option(help="As the report scores, of the best epoch, or of the last.")
    ] = "reported",
) -> None:
    """Save a run's weights as safetensors.

    A dense layer is x @ weight + bias: weights have the shape (in, out).
    """
    with Client() as client:
        content = client.weights(run_id, which=which)
    write(output, content)
    print(f"{output}: {len(content):,} bytes")


def _metric(job: Job) -> str:
    """The metric that selects."""
    return str((job.spec.get("select") or {}).get("metric") or "val_loss")


def _row(run: Run, metric: str) -> tuple[object, ...]:
    scores = (run.final.get(metric), run.final.get("test_" + metric.partition("_")[2]))
    place = (run.seed, run.repeat, run.fold, run.inner_fold)
    return (run.id, run.arm, *place, run.status, *scores, _label(run.setting))


def _label(setting: dict[str, Any]) -> str:  # Any: JSON
    """`lambda = 0.01`: the last word of each path, or all of it where two end alike."""
    words = [path.rpartition("/")[2] for path in setting]
    names = words if len(set(words)) == len(words) else list(setting)
    values = (f"{v:.4g}" if isinstance(v, float) else v for v in setting.values())
    return ", ".join(f"{name} = {value}" for name, value in zip(names, values, strict=True))


def _csv(points: Iterable[Point]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(POINT)
    writer.writerows((p.run, p.epoch, p.name, p.value) for p in points)
    return text.getvalue()
