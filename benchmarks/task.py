"""The work to be done: digits, an MLP 64-64-10, SGD with momentum, many values of λ."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

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
            "seeds": 1,
        }


@dataclass(frozen=True)
class Data:
    """Digits, standardised, split as Occam splits them."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    val_x: torch.Tensor
    val_y: torch.Tensor

    @property
    def inputs(self) -> int:
        return self.train_x.shape[1]


@cache
def digits(validation: float = 0.2, test: float = 0.2) -> Data:
    """The defaults are Occam's: 60, 20 and 20 percent."""
    features, targets = load_digits(return_X_y=True)
    rest_x, _, rest_y, _ = train_test_split(
        features, targets, test_size=test, stratify=targets, random_state=0
    )
    share = validation / (1 - test)
    train_x, val_x, train_y, val_y = train_test_split(
        rest_x, rest_y, test_size=share, stratify=rest_y, random_state=0
    )
    mean, deviation = train_x.mean(0), train_x.std(0)
    deviation[deviation == 0] = 1.0
    return Data(
        torch.tensor((train_x - mean) / deviation, dtype=torch.float32),
        torch.tensor(train_y),
        torch.tensor((val_x - mean) / deviation, dtype=torch.float32),
        torch.tensor(val_y),
    )
