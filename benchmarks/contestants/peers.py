"""Peers from the `bench` extra, each imported only when it takes part."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from benchmarks.contestants.plain_pytorch import one_thread, tuned
from benchmarks.task import BATCH, HIDDEN, LR, MOMENTUM, Data, Sweep, digits

CORES = 2


@contextmanager
def optuna_grid(task: Sweep) -> Iterator[Callable[[], float]]:
    """Optuna's grid sampler around the tuned loop."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    data = digits()

    def work() -> float:
        study = optuna.create_study(
            direction="maximize", sampler=optuna.samplers.GridSampler({"lam": task.lambdas})
        )
        study.optimize(
            lambda trial: tuned(
                data,
                trial.suggest_float("lam", task.lambdas[0], task.lambdas[-1], log=True),
                epochs=task.epochs,
            )
        )
        return float(study.best_value)

    with one_thread():
        yield work


@contextmanager
def sklearn_grid(task: Sweep) -> Iterator[Callable[[], float]]:
    """GridSearchCV over MLPClassifier on two cores; it scores once, after the last epoch."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.model_selection import GridSearchCV, PredefinedSplit
    from sklearn.neural_network import MLPClassifier

    features, targets, fold = _as_one_table(digits())
    model = MLPClassifier(
        (HIDDEN,),
        solver="sgd",
        learning_rate_init=LR,
        momentum=MOMENTUM,
        nesterovs_momentum=False,
        batch_size=BATCH,
        max_iter=task.epochs,
        n_iter_no_change=task.epochs + 1,
        random_state=0,
    )
    # sklearn divides alpha by the minibatch, so this is the same λ.
    grid = {"alpha": [lam * BATCH for lam in task.lambdas]}

    def work() -> float:
        search = GridSearchCV(model, grid, cv=PredefinedSplit(fold), n_jobs=CORES, refit=False)
        return float(search.fit(features, targets).best_score_)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # twenty epochs are asked for
        yield work


@contextmanager
def skorch_grid(task: Sweep) -> Iterator[Callable[[], float]]:
    """skorch's NeuralNetClassifier, one λ after another, validating each epoch."""
    import torch
    from skorch import NeuralNetClassifier
    from skorch.helper import predefined_split
    from torch import nn
    from torch.utils.data import TensorDataset

    data = digits()
    features, targets = data.train_x.numpy(), data.train_y.numpy()

    def one(lam: float) -> float:
        torch.manual_seed(0)
        net = NeuralNetClassifier(
            nn.Sequential(nn.Linear(data.inputs, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)),
            criterion=nn.CrossEntropyLoss,
            optimizer=torch.optim.SGD,
            optimizer__momentum=MOMENTUM,
            optimizer__weight_decay=lam,
            lr=LR,
            batch_size=BATCH,
            max_epochs=task.epochs,
            train_split=predefined_split(TensorDataset(data.val_x, data.val_y)),
            verbose=0,
        )
        net.fit(features, targets)
        return float(max(net.history[:, "valid_acc"]))

    with one_thread():
        yield lambda: max(one(lam) for lam in task.lambdas)


@contextmanager
def ray_tune(task: Sweep) -> Iterator[Callable[[], float]]:
    """Ray Tune around the tuned loop, one trial per λ, two at a time; Ray is started before."""
    import ray
    from ray import tune

    data = digits()

    def trial(config: dict[str, float]) -> None:
        with one_thread():
            tuned(
                data,
                config["lam"],
                epochs=task.epochs,
                each=lambda epoch, accuracy: tune.report({"val_accuracy": accuracy}),
            )

    def work() -> float:
        tuner = tune.Tuner(
            tune.with_resources(trial, {"cpu": 1}),
            param_space={"lam": tune.grid_search(task.lambdas)},
            tune_config=tune.TuneConfig(metric="val_accuracy", mode="max"),
            run_config=tune.RunConfig(verbose=0),
        )
        best = tuner.fit().get_best_result(scope="all")
        return float(best.metrics_dataframe["val_accuracy"].max())

    ray.init(
        num_cpus=CORES, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR
    )
    try:
        yield work
    finally:
        ray.shutdown()


def _as_one_table(data: Data) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Train and validation rows together, with -1 marking those that only train."""
    features = np.concatenate([data.train_x.numpy(), data.val_x.numpy()])
    targets = np.concatenate([data.train_y.numpy(), data.val_y.numpy()])
    fold = np.array([-1] * len(data.train_x) + [0] * len(data.val_x))
    return features, targets, fold
