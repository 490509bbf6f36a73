"""The work to be done: an MLP with 64 hidden units, SGD with momentum, many values of λ.

The sweep reads digits; the demonstration predicts the progression of diabetes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_diabetes, load_digits
from sklearn.model_selection import KFold, train_test_split

BATCH = 64
HIDDEN = 64
LR, MOMENTUM = 0.1, 0.9


@dataclass(frozen=True)
class Sweep:
    """How much of it: values of λ from 1e-5 to 1e-1, and epochs."""

    values: int = 32
    epochs: int = 20

    @property
    def lambdas(self) -> list[float]:
        return [float(value) for value in np.logspace(-5, -1, self.values)]

    def body(self) -> dict[str, Any]:
        """The same as a job for Occam. Any: JSON."""
        return {
            "name": "sweep",
            "dataset": "digits",
            "architecture": {"kind": "mlp", "hidden": [HIDDEN]},
            "loss": "cross_entropy",
            "regularizer": "l2",
            "lambda": {"log_range": [1e-5, 1e-1], "num": self.values},
            "optimizer": {"kind": "sgd", "lr": LR, "momentum": MOMENTUM},
            "epochs": self.epochs,
            "batch_size": BATCH,
            "folds": 1,
            "seeds": 1,
            "split": {"validation": 0.25, "test": 0.2},
        }


@dataclass(frozen=True)
class Data:
    """Standardised by the training part, split as Occam is told to. classes: 0 for values."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    val_x: torch.Tensor
    val_y: torch.Tensor
    classes: int = 10

    @property
    def inputs(self) -> int:
        return self.train_x.shape[1]


@cache
def digits(validation: float = 0.2, test: float = 0.2, seed: int = 0) -> Data:
    """The defaults are the sweep's: 60, 20 and 20 percent."""
    features, targets = load_digits(return_X_y=True)
    rest_x, _, rest_y, _ = train_test_split(
        features, targets, test_size=test, stratify=targets, random_state=seed
    )
    share = validation / (1 - test)
    train_x, val_x, train_y, val_y = train_test_split(
        rest_x, rest_y, test_size=share, stratify=rest_y, random_state=seed
    )
    mean, deviation = train_x.mean(0), train_x.std(0)
    deviation[deviation == 0] = 1.0
    return Data(
        torch.tensor((train_x - mean) / deviation, dtype=torch.float32),
        torch.tensor(train_y),
        torch.tensor((val_x - mean) / deviation, dtype=torch.float32),
        torch.tensor(val_y),
    )


def diabetes_folds(folds: int, repeats: int) -> list[Data]:
    """Five training parts and their validation parts, or as many; no row that tests is in them."""
    features, targets = load_diabetes(return_X_y=True)
    found = []
    for repeat in range(repeats):
        for rest, _ in KFold(folds, shuffle=True, random_state=repeat).split(features):
            train, validation = train_test_split(rest, test_size=0.2, random_state=repeat)
            x, y = _scaled(features, train), _scaled(targets[:, None], train)
            found.append(Data(x[train], y[train], x[validation], y[validation], classes=0))
    return found


def _scaled(values: np.ndarray, train: np.ndarray) -> torch.Tensor:
    mean, deviation = values[train].mean(0), values[train].std(0)
    return torch.tensor((values - mean) / deviation, dtype=torch.float32)
