"""Where the optimum is unique, training reaches the trusted solver's coefficients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

from core.datasets import Dataset, Protocol, Replicate, Split, parts_of
from core.spec.experiment import Experiment
from core.train.data import Feed
from tests.train.conftest import cohort, device, experiment, run_of, trained

LAMBDAS = (0.01, 0.05, 0.3)  # weak to strong: from nearly least squares to mostly zeros


def standardized(dataset: Dataset, part: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """A training part as the engine sees it; that of seed 0 unless another is given."""
    if part is None:
        part = parts_of(dataset, Protocol(), [Replicate(0)])[Replicate(0)].train
    x = dataset.features[part].astype(np.float64)
    y = dataset.targets[part].astype(np.float64)
    x = (x - x.mean(0)) / x.std(0)
    if dataset.facts.task == "regression":
        y = (y - y.mean(0)) / y.std(0)
    return x, y.ravel()


def made(kind: str, lam: float, **changes: Any) -> Experiment:
    """A linear model with one penalty, trained by full-batch descent."""
    return experiment(
        architecture="linear",
        batch_size="full",
        regularizers=[{"kind": kind, "lambda": lam}],
        evaluate_every=changes["epochs"],
        **changes,
    )


def coefficients(
    kinds: Sequence[str], dataset: Dataset, weights: Any, **changes: Any
) -> dict[str, np.ndarray]:
    """(len(LAMBDAS), features) by penalty; all are arms of one cohort, in turns."""
    runs = [run_of(made(kind, lam, **changes), 0) for lam in LAMBDAS for kind in kinds]
    stored = weights(trained(cohort(runs), dataset))["last/dense_1/weight"][..., 0]
    return {kind: stored[i :: len(kinds)] for i, kind in enumerate(kinds)}


def assert_same(ours: np.ndarray, theirs: np.ndarray, kind: str) -> None:
    """To a thousandth of the largest; what is exactly zero there is exactly zero here."""
    assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max()
    if kind != "l2":
        assert np.array_equal(ours == 0.0, theirs == 0.0)


SQUARES: dict[str, Any] = {
    "loss": "mse",
    "optimizer": {"kind": "sgd", "lr": 0.2, "momentum": 0.9},
    "epochs": 300,
}
LOGISTIC: dict[str, Any] = {
    "loss": "bce",
    "optimizer": {"kind": "sgd", "lr": 0.5, "momentum": 0.97},
    "epochs": 1000,
}
EXACTLY: dict[str, Any] = {"tol": 1e-10, "max_iter": 100_000}
SOLVERS: dict[str, Callable[[int, float], Any]] = {
    # sklearn: |y - Xw|^2 + alpha |w|^2; ours: that over n, with lambda / 2
    "l2": lambda n, lam: Ridge(alpha=lam * n / 2),
    # sklearn: |y - Xw|^2 / 2n + alpha |w|_1; ours: twice that
    "l1": lambda n, lam: Lasso(alpha=lam / 2, **EXACTLY),
    "elastic_net": lambda n, lam: ElasticNet(alpha=lam / 2, l1_ratio=0.5, **EXACTLY),
}
LOGISTIC_SOLVERS: dict[str, Callable[[int, float], Any]] = {
    # sklearn: C sum loss + penalty; ours: that over C n
    "l2": lambda n, lam: LogisticRegression(
        C=1 / (lam * n), l1_ratio=0.0, solver="lbfgs", tol=1e-8, max_iter=50_000
    ),
    "l1": lambda n, lam: LogisticRegression(
        C=1 / (lam * n), l1_ratio=1.0, solver="saga", tol=1e-7, max_iter=200_000
    ),
}


def test_ridge_lasso_and_elastic_net_beside_each_other(diabetes, weights) -> None:
    x, y = standardized(diabetes)
    for kind, ours in coefficients(list(SOLVERS), diabetes, weights, **SQUARES).items():
        for row, lam in zip(ours, LAMBDAS, strict=True):
            assert_same(row, SOLVERS[kind](len(x), lam).fit(x, y).coef_, kind)
        assert kind != "l1" or (ours == 0.0).sum() > 5


def test_lasso_by_adam(diabetes, weights) -> None:
    x, y = standardized(diabetes)
    changes = {"optimizer": {"kind": "adam", "lr": 0.1}, "schedule": "cosine", "epochs": 1000}
    ours = coefficients(["l1"], diabetes, weights, **SQUARES | changes)["l1"]
    for row, lam in zip(ours, LAMBDAS, strict=True):
        assert_same(row, SOLVERS["l1"](len(x), lam).fit(x, y).coef_, "l1")
    assert (ours == 0.0).sum() > 5


def test_logistic_regressions_beside_each_other(breast_cancer, weights) -> None:
    x, y = standardized(breast_cancer)
    kinds = list(LOGISTIC_SOLVERS)
    for kind, ours in coefficients(kinds, breast_cancer, weights, **LOGISTIC).items():
        for row, lam in zip(ours, LAMBDAS, strict=True):
            assert_same(row, LOGISTIC_SOLVERS[kind](len(x), lam).fit(x, y).coef_[0], kind)


TENTHS: dict[str, Any] = {"folds": 10, "split": Split(validation=0.1)}  # of unequal sizes


def assert_every_fold(
    solvers: dict[str, Callable[[int, float], Any]], dataset: Dataset, weights: Any, **changes: Any
) -> None:
    """Ten folds of each penalty in one cohort, in turns; their training parts differ in size."""
    lam = LAMBDAS[1]
    names = [(fold, kind) for fold in range(10) for kind in solvers]
    runs = [run_of(made(kind, lam, **changes), 0, fold) for fold, kind in names]
    whole = cohort(runs, **TENTHS)
    parts = [stream.train for stream in Feed(whole, dataset, torch.device(device())).streams]
    assert len({len(part) for part in parts}) > 1
    stored = weights(trained(whole, dataset))["last/dense_1/weight"][..., 0]
    for (fold, kind), ours in zip(names, stored, strict=True):
        x, y = standardized(dataset, parts[fold])
        assert_same(ours, np.ravel(solvers[kind](len(x), lam).fit(x, y).coef_), kind)


def test_every_fold_uses_all_its_rows_whatever_the_others_have(diabetes, weights) -> None:
    assert_every_fold(SOLVERS, diabetes, weights, **SQUARES)


def test_every_fold_of_a_logistic_regression_uses_all_its_rows(breast_cancer, weights) -> None:
    assert_every_fold(LOGISTIC_SOLVERS, breast_cancer, weights, **LOGISTIC)
