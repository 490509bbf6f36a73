"""Times a cohort of every architecture family against the same runs one after another.

    python -m benchmarks.families                     every family at its defaults, 16 runs
    python -m benchmarks.families --only resnet --runs 32 --repetitions 5

The digits as images, as sequences of rows or as features; 16 learning rates, minibatch 64. Both
ways are the engine's own, so the ratio is what training together gains. Processor time, least of
the repetitions, which are interleaved. Fails where together takes over 5 % longer than in turn.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table

from core.architectures import Architecture
from core.datasets import Dataset, Protocol, Replicate
from core.datasets.builtin import Builtin
from core.datasets.fields import numbers
from core.layers.layer import Shape
from core.spec.experiment import Experiment
from core.train import Cohort, Run, train

SLOWER_MAX = 1.05  # of training together, of the time that the runs take in turn
SHAPES: dict[int, Shape] = {1: (64,), 2: (8, 8), 3: (1, 8, 8)}


def main(
    only: Annotated[list[str] | None, typer.Option(help="Kinds; repeatable.")] = None,
    runs: Annotated[int, typer.Option(help="Learning rates.", min=2)] = 16,
    epochs: Annotated[int, typer.Option(min=1)] = 1,
    repetitions: Annotated[int, typer.Option(min=1)] = 3,
) -> None:
    """Print one row for each family; exit 1 where one is slower together."""
    torch.set_num_threads(1)
    digits = Builtin(name="digits").load()
    table = Table(title=f"{runs} runs, {epochs} epochs of digits, one core")
    for heading in ("family", "in turn, s", "together, s", "ratio"):
        table.add_column(heading, justify="left" if heading == "family" else "right")
    worst = 0.0
    for kind, member in Architecture.members().items():
        if only and kind not in only:
            continue
        turn_s, together_s = timed(kind, member, digits, runs, epochs, repetitions)
        worst = max(worst, together_s / turn_s)
        numbers = (f"{turn_s:.2f}", f"{together_s:.2f}", f"{together_s / turn_s:.2f}")
        table.add_row(kind, *numbers)
        Console(stderr=True).print(kind, *numbers)
    Console().print(table)
    raise typer.Exit(int(worst > SLOWER_MAX))


def timed(
    kind: str,
    member: type[Architecture],
    digits: Dataset,
    count: int,
    epochs: int,
    repetitions: int,
) -> tuple[float, float]:
    """Least seconds of the runs in turn, and together."""
    example = member.examples()[0]
    body: dict[str, Any] = {"kind": kind}
    for name, field in member.model_fields.items():
        if field.is_required():
            body[name] = example.body[name]
    shape = SHAPES[len(example.shapes[0])]
    data = Dataset.of_numbers(
        replace(digits.facts, inputs=numbers(shape)),
        digits.features.reshape(-1, *shape),
        digits.targets,
    )
    runs = [run_of(body, rate, epochs) for rate in np.geomspace(1e-4, 1e-2, count)]
    turns: list[float] = []
    together: list[float] = []
    seconds(runs[:1], data)  # imports, the first call of each kernel
    for _ in range(repetitions):
        turns.append(sum(seconds([run], data) for run in runs))
        together.append(seconds(runs, data))
    return min(turns), min(together)


def run_of(body: dict[str, Any], rate: float, epochs: int) -> Run:
    """One learning rate."""
    experiment = Experiment.model_validate(
        {
            "architecture": body,
            "loss": "cross_entropy",
            "optimizer": {"kind": "sgd", "lr": float(rate), "momentum": 0.9},
            "epochs": epochs,
            "batch_size": 64,
        }
    )
    return Run(experiment, Replicate(0, 0, None, None))


def seconds(runs: Sequence[Run], data: Dataset) -> float:
    """Processor time of training them as one cohort, scores included."""
    cohort = Cohort(runs=tuple(runs), protocol=Protocol(), standardize=True, metric="val_loss")
    began = time.process_time()
    for _ in train(cohort, data, device="cpu"):
        pass
    return time.process_time() - began


if __name__ == "__main__":
    typer.run(main)
