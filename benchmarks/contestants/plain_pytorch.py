"""Plain PyTorch, one model after another, as a careful user writes it.

Tensors stay in memory and minibatches are index selections: a DataLoader would be several times
slower. One thread: with matrices this small, more threads cost more than they give.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn

from benchmarks.task import BATCH, HIDDEN, LR, MOMENTUM, Data, Sweep, digits


@dataclass(frozen=True)
class Penalty:
    """What one model is regularized with."""

    l1: float = 0.0
    l2: float = 0.0
    dropout: float = 0.0


def fit(
    data: Data,
    penalty: Penalty,
    *,
    epochs: int,
    seed: int = 0,
    each: Callable[[int, float], None] = lambda epoch, accuracy: None,
) -> float:
    """Train one model; returns its best validation accuracy. `each` hears of every epoch."""
    torch.manual_seed(seed)
    model = nn.Sequential(
        nn.Linear(data.inputs, HIDDEN),
        nn.ReLU(),
        *([nn.Dropout(penalty.dropout)] if penalty.dropout else []),
        nn.Linear(HIDDEN, 10),
    )
    optimizer = torch.optim.SGD(
        model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=penalty.l2
    )
    criterion = nn.CrossEntropyLoss()
    weights = [parameter for parameter in model.parameters() if parameter.ndim > 1]
    best = 0.0
    for epoch in range(epochs):
        model.train()
        for batch in torch.split(torch.randperm(len(data.train_x)), BATCH):
            loss = criterion(model(data.train_x[batch]), data.train_y[batch])
            if penalty.l1:
                loss = loss + penalty.l1 * sum(weight.abs().sum() for weight in weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        model.eval()
        with torch.no_grad():
            hits = model(data.val_x).argmax(1) == data.val_y
        accuracy = hits.float().mean().item()
        each(epoch, accuracy)
        best = max(best, accuracy)
    return best


@contextmanager
def one_thread() -> Iterator[None]:
    """Torch on one thread within this block."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def sweep(task: Sweep) -> Iterator[Callable[[], float]]:
    """One value of λ after another."""
    data = digits()
    with one_thread():
        yield lambda: max(fit(data, Penalty(l2=lam), epochs=task.epochs) for lam in task.lambdas)
