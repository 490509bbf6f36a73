"""What twenty different jobs are told: headline, verdict, notes.

    python -m benchmarks.verdicts [--only NAME] [--details]

Through a service of its own, from POST to report. Read them: no number may contradict another, no
sentence may claim what its rows do not show.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console

from benchmarks.contestants.occam_service import service
from occam import Client, Report

Body = dict[str, Any]  # Any: JSON
console = Console(width=110, highlight=False, soft_wrap=False)


def penalty(kind: str, low: float, high: float, num: int = 5) -> Body:
    """An arm that varies the strength of one penalty."""
    lam = {"log_range": [low, high], "num": num}
    return {"name": kind, "regularizers": [{"kind": kind, "lambda": lam}]}


NONE: Body = {"name": "none"}
MLP: Body = {
    "dataset": "digits",
    "architecture": {"kind": "mlp", "hidden": [32]},
    "loss": "cross_entropy",
    "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9},
    "epochs": 12,
}
LINEAR: Body = {
    "dataset": "breast_cancer",
    "architecture": "linear",
    "loss": "cross_entropy",
    "optimizer": {"kind": "adam", "lr": 0.05},
    "epochs": 20,
}
RIDGE: Body = {
    "dataset": "diabetes",
    "architecture": "linear",
    "loss": "mse",
    "optimizer": {"kind": "adam", "lr": 0.05},
    "epochs": 40,
}
IMBALANCED = "rare.csv"  # uploaded when it is its turn
NOISE: Body = {"kind": "classification", "examples": 400, "features": 20}
NOISE |= {"informative": 2, "separation": 0.01}
L2 = penalty("l2", 1e-5, 1e-1)
L1 = penalty("l1", 1e-5, 1e-1)
DROPOUT: Body = {
    "name": "dropout",
    "regularizers": [{"kind": "dropout", "p": {"values": [0.1, 0.3, 0.5]}}],
}

JOBS: dict[str, Body] = {
    "one arm": {**MLP, "regularizer": "l2", "lambda": {"log_range": [1e-5, 1e-1], "num": 5}},
    "one setting": {**MLP, "epochs": 4},
    "regularizers on digits": {**MLP, "compare": [NONE, L1, L2, DROPOUT]},
    "few rows": {**LINEAR, "dataset": "wine", "compare": [NONE, L2]},
    "one split": {**LINEAR, "folds": 1, "seeds": 5, "compare": [NONE, L2, L1]},
    "repeats": {**LINEAR, "repeats": 3, "compare": [NONE, L2]},
    "inner folds": {**LINEAR, "inner_folds": 3, "compare": [NONE, L2]},
    "linear against mlp": {
        **MLP,
        "dataset": "moons",
        "compare": [
            {"name": "linear", "architecture": "linear"},
            {"name": "mlp", "architecture": {"kind": "mlp", "hidden": [16]}},
        ],
    },
    "optimizers": {
        **MLP,
        "compare": [
            {"name": "sgd", "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.9}},
            {"name": "adam", "optimizer": {"kind": "adam", "lr": 0.003}},
        ],
    },
    "ridge and lasso": {**RIDGE, "compare": [NONE, L2, L1]},
    "losses of a regression": {
        **RIDGE,
        "select": {"metric": "val_mae"},
        "compare": [{"name": "mse"}, {"name": "mae", "loss": "mae"}],
    },
    "r2": {**RIDGE, "select": {"metric": "val_r2"}, "compare": [NONE, L2]},
    "labels of noise": {**LINEAR, "dataset": NOISE, "compare": [NONE, L2]},
    "too strong a penalty": {**MLP, "compare": [NONE, penalty("l2", 5.0, 50.0, 3)]},
    "an arm that diverges": {
        **MLP,
        "compare": [NONE, {"name": "hot", "optimizer": {"kind": "sgd", "lr": 1e20}}],
    },
    "the edge of the range": {**MLP, "compare": [NONE, penalty("l2", 1e-9, 1e-7, 3)]},
    "imbalance": {**LINEAR, "dataset": IMBALANCED, "compare": [NONE, L2]},
    "imbalance, by accuracy": {
        **LINEAR,
        "dataset": IMBALANCED,
        "select": {"metric": "val_accuracy"},
        "compare": [NONE, L2],
    },
    "early stopping": {
        **MLP,
        "compare": [
            NONE,
            {"name": "early stopping", "regularizers": [{"kind": "early_stopping", "patience": 2}]},
        ],
    },
    "1se": {**LINEAR, "select": {"rule": "1se"}, "compare": [NONE, L1]},
    "roc auc": {**LINEAR, "select": {"metric": "val_roc_auc"}, "compare": [NONE, L2]},
    "a declared baseline": {
        **MLP,
        "compare": [{**L2, "baseline": True}, L1, DROPOUT],
    },
    "twins": {**MLP, "compare": [{"name": "one"}, {"name": "other"}]},
}


def imbalanced(client: Client) -> str:
    """The id of an uploaded table whose second class is one row in ten."""
    rng = np.random.default_rng(0)
    target_N = (rng.random(800) < 0.1).astype(int)
    x_ND = rng.normal(size=(800, 6)) + 0.8 * target_N[:, None]
    with TemporaryDirectory() as folder:
        path = Path(folder, "rare.csv")
        lines = [
            ",".join([*(f"{value:.4f}" for value in x_D), str(target)])
            for x_D, target in zip(x_ND, target_N, strict=True)
        ]
        path.write_text("\n".join(["a,b,c,d,e,f,target", *lines]))
        return client.datasets.upload(path, {"target": "target", "task": "classification"}).id


def main(
    only: Annotated[str, typer.Option(help="Jobs whose name has this in it.")] = "",
    details: Annotated[bool, typer.Option(help="Show all details as well.")] = False,
) -> None:
    """Print what each job is told."""
    with service() as client:
        for name, body in JOBS.items():
            if only in name:
                if body["dataset"] == IMBALANCED:
                    body = {**body, "dataset": imbalanced(client)}
                tell(name, _report(client, {**body, "name": name}), details=details)


def tell(name: str, report: Report, *, details: bool) -> None:
    """One job's words, as a reader meets them."""
    words = len(report.headline.split()), len(report.verdict.split())
    console.rule(f"{name} · {report.outcome} · {words[0]} + {words[1] - words[0]} words")
    console.print(report.verdict)
    for note in report.notes:
        console.print(f"  ! {note}")
    for detail in report.details if details else ():
        console.print(f"  – {detail}")


def _report(client: Client, body: Body) -> Report:
    return client.report(client.wait(client.submit(body), check=True))


if __name__ == "__main__":
    typer.run(main)
