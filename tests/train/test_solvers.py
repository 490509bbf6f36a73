"""Where the optimum is unique, training reaches the trusted solver's coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import ElasticNet, Lasso, LogisticRegression, Ridge

from core.datasets import Dataset, Protocol, Replicate, Split, parts_of
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


def coefficients(dataset: Dataset, weights: Any, kind: str, **changes: Any) -> np.ndarray:
    """(len(LAMBDAS), features) of linear models trained together by full-batch descent."""
    runs = [
        run_of(
            experiment(
                architecture="linear",
                batch_size="full",
                regularizers=[{"kind": kind, "lambda": lam}],
                evaluate_every=changes["epochs"],
                **changes,
            ),
            0,
        )
        for lam in LAMBDAS
    ]
    stored = weights(trained(cohort(runs), dataset))
    return stored["last/dense_1/weight"][..., 0]


def assert_same(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert np.abs(ours - theirs).max() <= 1e-3 * np.abs(theirs).max()


SQUARES: dict[str, Any] = {
    "loss": "mse",
    "optimizer": {"kind": "sgd", "lr": 0.1, "momentum": 0.95},
    "epochs": 2000,
}
LOGISTIC: dict[str, Any] = {
    "loss": "bce",
    "optimizer": {"kind": "sgd", "lr": 0.5, "momentum": 0.98},
    "epochs": 4000,
}


def test_ridge(diabetes, weights) -> None:
    x, y = standardized(diabetes)
    ours = coefficients(diabetes, weights, "l2", **SQUARES)
    for row, lam in zip(ours, LAMBDAS, strict=True):
        # sklearn: |y - Xw|^2 + alpha |w|^2; ours: that over n, with lambda / 2
        assert_same(row, Ridge(alpha=lam * len(x) / 2).fit(x, y).coef_)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_lasso_and_its_zeros(diabetes, weights, optimizer) -> None:
    x, y = standardized(diabetes)
    changes = dict(SQUARES)
    if optimizer == "adam":
        changes |= {"optimizer": {"kind": "adam", "lr": 0.01}, "schedule": "cosine"}
        changes["epochs"] = 4000
    ours = coefficients(diabetes, weights, "l1", **changes)
    zeros = 0
    for row, lam in zip(ours, LAMBDAS, strict=True):
        # sklearn: |y - Xw|^2 / 2n + alpha |w|_1
        theirs = Lasso(alpha=lam / 2, tol=1e-10, max_iter=100_000).fit(x, y).coef_
        assert_same(row, theirs)
        assert np.array_equal(row == 0.0, theirs == 0.0)
        zeros += int((row == 0.0).sum())
    assert zeros > 5


def test_elastic_net(diabetes, weights) -> None:
    x, y = standardized(diabetes)
    ours = coefficients(diabetes, weights, "elastic_net", **SQUARES)
    for row, lam in zip(ours, LAMBDAS, strict=True):
        model = ElasticNet(alpha=lam / 2, l1_ratio=0.5, tol=1e-10, max_iter=100_000)
        theirs = model.fit(x, y).coef_
        assert_same(row, theirs)
        assert np.array_equal(row == 0.0, theirs == 0.0)


@pytest.mark.parametrize(("kind", "ratio"), [("l2", 0.0), ("l1", 1.0)])
def test_logistic_regression(breast_cancer, weights, kind, ratio) -> None:
    x, y = standardized(breast_cancer)
    ours = coefficients(breast_cancer, weights, kind, **LOGISTIC)
    for row, lam in zip(ours, LAMBDAS, strict=True):
        # sklearn: C sum loss + penalty; ours: that over C n
        solver = {"solver": "saga", "tol": 1e-6} if ratio else {"solver": "lbfgs", "tol": 1e-8}
        model = LogisticRegression(C=1 / (lam * len(x)), l1_ratio=ratio, max_iter=50_000, **solver)
        theirs = model.fit(x, y).coef_[0]
        assert_same(row, theirs)
        if kind == "l1":
            assert np.array_equal(row == 0.0, theirs == 0.0)


TENTHS: dict[str, Any] = {"folds": 10, "split": Split(validation=0.1)}  # of unequal sizes


def folds_of(
    dataset: Dataset, weights: Any, kind: str, lam: float, **changes: Any
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(coefficients, x, y) of ten folds trained together; their training parts differ in size."""
    model = experiment(
        architecture="linear",
        batch_size="full",
        regularizers=[{"kind": kind, "lambda": lam}],
        evaluate_every=changes["epochs"],
        **changes,
    )
    made = cohort([run_of(model, 0, fold) for fold in range(10)], **TENTHS)
    parts = [stream.train for stream in Feed(made, dataset, torch.device(device())).streams]
    assert len({len(part) for part in parts}) > 1
    stored = weights(trained(made, dataset))["last/dense_1/weight"][..., 0]
    for ours, part in zip(stored, parts, strict=True):
        yield ours, *standardized(dataset, part)


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        ("l2", lambda n, lam: Ridge(alpha=lam * n / 2)),
        ("l1", lambda n, lam: Lasso(alpha=lam / 2, tol=1e-10, max_iter=100_000)),
        ("elastic_net", lambda n, lam: ElasticNet(alpha=lam / 2, tol=1e-10, max_iter=100_000)),
    ],
)
def test_every_fold_uses_all_its_rows_whatever_the_others_have(
    diabetes, weights, kind, model
) -> None:
    lam = LAMBDAS[1]
    for ours, x, y in folds_of(diabetes, weights, kind, lam, **SQUARES):
        theirs = model(len(x), lam).fit(x, y).coef_
        assert_same(ours, theirs)
        if kind != "l2":
            assert np.array_equal(ours == 0.0, theirs == 0.0)


@pytest.mark.parametrize(("kind", "ratio"), [("l2", 0.0), ("l1", 1.0)])
def test_every_fold_of_a_logistic_regression_uses_all_its_rows(
    breast_cancer, weights, kind, ratio
) -> None:
    lam = LAMBDAS[1]
    for ours, x, y in folds_of(breast_cancer, weights, kind, lam, **LOGISTIC):
        solver = {"solver": "saga", "tol": 1e-8} if ratio else {"solver": "lbfgs", "tol": 1e-8}
        model = LogisticRegression(C=1 / (lam * len(x)), l1_ratio=ratio, max_iter=200_000, **solver)
        theirs = model.fit(x, y).coef_[0]
        assert_same(ours, theirs)
        if kind == "l1":
            assert np.array_equal(ours == 0.0, theirs == 0.0)
