"""Peak memory of training beside what was planned, case by case, each in a process of its own.

    python -m benchmarks.memory
    python -m benchmarks.memory --only folds --json out.json

Measured: the most that a process held at once (VmHWM, Linux), less what it held after its imports
and a small job; data, training, a snapshot of every epoch, final scores and weights are within.
"""

from __future__ import annotations

import json as jsonlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
MEMORY_BYTES = 2**40  # so that every case is one cohort


@dataclass(frozen=True)
class Case:
    """A job of one cohort, on made data of so many rows and columns. Any: JSON."""

    name: str
    examples: int
    features: int
    fields: dict[str, Any]


L2 = {"regularizer": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 100}}
ALONE = {"folds": 1, "seeds": 1, "epochs": 2}
CASES = (
    Case("a large array, one run", 100_000, 480, {"architecture": "linear", **ALONE}),
    Case(
        "a large array, 5 folds",
        100_000,
        400,
        {"architecture": "linear", "folds": 5, "seeds": 1, "epochs": 1},
    ),
    Case(
        "100 runs of 2,000 x 500",
        2_000,
        500,
        {"architecture": {"kind": "mlp", "hidden": [64]}, **L2, **ALONE},
    ),
    Case(
        "100 runs of 2,000 x 500, 5 folds",
        2_000,
        500,
        {
            "architecture": {"kind": "mlp", "hidden": [64]},
            "regularizer": "l2",
            "lambda": {"log_range": [1e-5, 1e-1], "num": 20},
            "folds": 5,
            "seeds": 1,
            "epochs": 2,
        },
    ),
    Case(
        "wide layers, full batch, adam",
        3_000,
        50,
        {
            "architecture": {"kind": "mlp", "hidden": [1000, 500]},
            "optimizer": "adam",
            "batch_size": "full",
            "regularizer": "l2",
            "lambda": {"log_range": [1e-5, 1e-1], "num": 12},
            **ALONE,
        },
    ),
    Case(
        "many classes, large parts",
        40_000,
        64,
        {
            "architecture": "linear",
            "regularizer": "l2",
            "lambda": {"log_range": [1e-5, 1e-1], "num": 32},
            **ALONE,
        },
    ),
)


def body_of(case: Case) -> dict[str, Any]:
    """The job. Any: JSON."""
    classes = 20 if "classes" in case.name else 2
    return {
        "dataset": {
            "kind": "classification",
            "examples": case.examples,
            "features": case.features,
            "informative": 10,
            "classes": classes,
        },
        "loss": "cross_entropy",
        **case.fields,
    }


def main(
    only: Annotated[list[str] | None, typer.Option(help="Words of names; repeatable.")] = None,
    json: Annotated[Path | None, typer.Option(help="Also write all bytes here.")] = None,
) -> None:
    """Measure every case and print one table."""
    found = {}
    for place, case in enumerate(CASES):
        if not only or any(word in case.name for word in only):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.memory", "measure", str(place)],
                capture_output=True,
                text=True,
                check=True,
                cwd=ROOT,
            )
            found[case.name] = jsonlib.loads(done.stdout)
    table = Table(title="peak memory of training, MB", title_justify="left")
    for heading in ("case", "planned", "measured", "planned / measured"):
        table.add_column(heading, justify="left" if heading == "case" else "right")
    for name, (planned, measured) in found.items():
        mega = [f"{number / 1e6:,.0f}" for number in (planned, measured)]
        table.add_row(name, *mega, f"{planned / measured:.2f}")
    Console(width=100).print(table)
    if json is not None:
        json.write_text(jsonlib.dumps(found, indent=2) + "\n")


def measure(case: Case) -> tuple[int, int]:
    """(planned, measured) bytes; in a fresh process, once."""
    import torch

    from benchmarks.contestants.occam_engine import cohorts_of
    from core.plan import Shapes, plan
    from core.spec import Limits, experiment_at, resolve, runs_of
    from core.spec.protocol import protocol_of
    from core.train import Finished, Snapshot, train

    torch.set_num_threads(1)

    def trained(body: dict[str, Any]) -> int:
        resolved = resolve(body, lambda source: source.facts(), Limits())
        members = [experiment_at(resolved.document, arm, at) for arm, at, _ in runs_of(resolved)]
        shapes = Shapes.of(resolved.facts, protocol_of(resolved.spec))
        (cohort,) = plan(members, shapes, memory_bytes=MEMORY_BYTES)
        dataset = resolved.spec.dataset.load()
        _forget_peak()
        held = list(cohorts_of(resolved))
        with TemporaryDirectory() as folder:
            for event in train(held[0], dataset, snapshot_every_s=0):
                if isinstance(event, Snapshot):
                    event.write(Path(folder) / "snapshot")
                elif isinstance(event, Finished):
                    event.write_weights(Path(folder) / "weights")
        return cohort.memory_bytes

    trained(body_of(Case("warm-up", 200, 10, {"architecture": "linear", **ALONE})))
    before = _held("VmRSS")
    planned = trained(body_of(case))
    return planned, _held("VmHWM") - before


def _held(name: str) -> int:
    """Bytes of this process, as the kernel counts them."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _forget_peak() -> None:
    """The most held so far is from now on what is held now: making data is not training."""
    Path("/proc/self/clear_refs").write_text("5")


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        print(jsonlib.dumps(measure(CASES[int(sys.argv[2])])))
    else:
        typer.run(main)
