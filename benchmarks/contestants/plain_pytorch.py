"""Plain PyTorch, one model after another: as tutorials write it, and as an expert would.

The objective is Occam's: mean cross-entropy (or squared error), plus l1 sum |w| and l2 / 2 sum w^2
over weights, biases exempt. The plain loop reads minibatches from a DataLoader and adds the penalty
to the loss. The tuned one keeps tensors in memory, indexes them, leaves l2 to the optimizer's
weight decay and pins torch to one thread, which is faster for matrices this small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.task import BATCH, HIDDEN, LR, MOMENTUM, Data, Sweep, digits

Minibatches = Callable[[], Iterable[tuple[torch.Tensor, torch.Tensor]]]
"""One epoch of (x, y), shuffled anew at each call."""


@dataclass(frozen=True)
class Penalty:
    """What one model is regularized with."""

    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0


def minibatches(data: Data) -> Minibatches:
    """As tutorials do."""
    loader = DataLoader(TensorDataset(data.train_x, data.train_y), BATCH, shuffle=True)
    return lambda: loader


def indexed(data: Data) -> Minibatches:
    """As an expert does where all fits in memory."""

    def epoch() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for batch in torch.split(torch.randperm(len(data.train_x)), BATCH):
            yield data.train_x[batch], data.train_y[batch]

    return epoch


def fit(
    data: Data,
    penalty: Penalty,
    epoch_of: Minibatches,
    *,
    epochs: int,
    seed: int = 0,
    decay: bool = False,
    lr: float = LR,
    each: Callable[[int, float], None] = lambda epoch, score: None,
) -> float:
    """Train one model; returns its best validation accuracy, of values 1 - mse. `each` hears of
    every epoch.

    decay: leave l2 to the optimizer.
    """
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(data.inputs, HIDDEN),
        nn.ReLU(),
        *([nn.Dropout(penalty.dropout)] if penalty.dropout else []),
        nn.Linear(HIDDEN, data.classes or 1),
    )
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in model.parameters() if parameter.ndim == 1]
    groups: list[dict[str, Any]] = [  # Any: torch's own form
        {"params": weights, "weight_decay": penalty.l2 * decay},
        {"params": biases},
    ]
    optimizer = torch.optim.SGD(groups, lr=lr, momentum=MOMENTUM)
    criterion: nn.Module = nn.CrossEntropyLoss() if data.classes else nn.MSELoss()
    best = -float("inf")
    for epoch in range(epochs):
        model.train()
        for x, y in epoch_of():
            loss = criterion(model(x), y)
            if penalty.l1:
                loss = loss + penalty.l1 * sum(weight.abs().sum() for weight in weights)
            if penalty.l2 and not decay:
                loss = loss + penalty.l2 / 2 * sum(weight.square().sum() for weight in weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            score = _score(model(data.val_x), data)
        each(epoch, score)
        best = max(best, score)
    return best


def _score(output: torch.Tensor, data: Data) -> float:
    if not data.classes:
        return 1 - (output - data.val_y).square().mean().item()
    return (output.argmax(1) == data.val_y).float().mean().item()


@contextmanager
def sweep(task: Sweep) -> Iterator[Callable[[], float]]:
    """One value of λ after another, as tutorials write it."""
    data = digits()
    yield lambda: max(
        fit(data, Penalty(l2=lam), minibatches(data), epochs=task.epochs) for lam in task.lambdas
    )


@contextmanager
def tuned_sweep(task: Sweep) -> Iterator[Callable[[], float]]:
    """One value of λ after another, as an expert writes it."""
    data = digits()
    with one_thread():
        yield lambda: max(tuned(data, lam, epochs=task.epochs) for lam in task.lambdas)


def tuned(
    data: Data,
    l2: float,
    *,
    epochs: int,
    each: Callable[[int, float], None] = lambda epoch, accuracy: None,
) -> float:
    """One model as an expert fits it; the peers search around this."""
    return fit(data, Penalty(l2=l2), indexed(data), epochs=epochs, decay=True, each=each)


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread within this block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
