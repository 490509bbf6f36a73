"""Times a λ sweep, several ways, in one run on one machine.

    python -m benchmarks.sweep                       everything that is installed
    python -m benchmarks.sweep --only plain --only occam --repetitions 5 --json out.json

32 values of λ (L2, 1e-5 to 1e-1), MLP 64-64-10, digits, 20 epochs, minibatch 64, SGD with
momentum 0.9; and the 270 models of the demonstration against the plain loop.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.contest import Contestant, Result, chosen, run, show, write_json
from benchmarks.contestants import demo, occam_engine, occam_service, peers, plain_pytorch
from benchmarks.task import Sweep

REFERENCE = "occam engine"
DEMO_REFERENCE = "demo through occam"
DEMO_MODELS = 270


def sweep_contestants(task: Sweep) -> list[Contestant]:
    """Every way to run the sweep."""
    return [
        Contestant("plain PyTorch loop", partial(plain_pytorch.sweep, task)),
        Contestant("the same, tuned", partial(plain_pytorch.tuned_sweep, task)),
        Contestant("optuna around it", partial(peers.optuna_grid, task), needs="optuna"),
        Contestant("skorch", partial(peers.skorch_grid, task), needs="skorch"),
        Contestant("scikit-learn GridSearchCV", partial(peers.sklearn_grid, task)),
        Contestant("ray tune", partial(peers.ray_tune, task), needs="ray"),
        Contestant(REFERENCE, partial(occam_engine.sweep, task)),
        Contestant("occam service", partial(occam_service.sweep, task)),
    ]


def demo_contestants(epochs: int) -> list[Contestant]:
    """Both ways to run the demonstration."""
    return [
        Contestant("demo as a plain loop", partial(demo.plain, epochs)),
        Contestant(DEMO_REFERENCE, partial(demo.through_the_service, epochs)),
    ]


def main(
    only: Annotated[list[str] | None, typer.Option(help="Words of names; repeatable.")] = None,
    repetitions: Annotated[int, typer.Option(min=1)] = 3,
    values: Annotated[int, typer.Option(help="Values of λ.", min=2)] = 32,
    epochs: Annotated[int, typer.Option(help="Epochs of the sweep.", min=1)] = 20,
    demo_epochs: Annotated[int, typer.Option(help="Epochs of the demonstration.", min=1)] = 40,
    warm_up: Annotated[bool, typer.Option(help="One uncounted repetition first.")] = True,
    json: Annotated[Path | None, typer.Option(help="Also write all seconds here.")] = None,
) -> None:
    """Time a λ sweep several ways and print one table for each."""
    words = tuple(only or ())
    tables: dict[str, list[Result]] = {}
    for title, contestants, models, reference in (
        (
            f"λ sweep: {values} models, {epochs} epochs",
            sweep_contestants(Sweep(values, epochs)),
            values,
            REFERENCE,
        ),
        (
            f"demonstration: {DEMO_MODELS} models, {demo_epochs} epochs",
            demo_contestants(demo_epochs),
            DEMO_MODELS,
            DEMO_REFERENCE,
        ),
    ):
        taking_part = chosen(contestants, words)
        results = run(taking_part, repetitions=repetitions, models=models, warm_up=warm_up)
        if results:
            show(title, results, reference)
            tables[title] = results
    if json is not None:
        write_json(json, tables)


if __name__ == "__main__":
    typer.run(main)
