"""One run of an MLP by a plain torch loop, with each regularizer's own reference at its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import cross_entropy, linear, mse_loss, relu

from core.datasets import Dataset
from core.regularizers.passes import (
    Augmentation,
    Average,
    GradientChange,
    Moment,
    Plain,
    Regradient,
)
from core.spec.experiment import Experiment
from core.train import Run
from core.train.randomness import generator
from core.train.trainer import Trainer
from tests.train.conftest import cohort

CPU = torch.device("cpu")


@dataclass(frozen=True)
class PlainDraw:
    """The numbers that one run draws in one step, (B, ...), straight from their generators."""

    seed: int
    kind: str
    step: int
    examples: int

    def _made(self, name: str) -> torch.Generator:
        return generator(self.seed, f"batch/{self.kind}/{name}", self.step, CPU)

    def uniform(self, name: str, *shape: int) -> torch.Tensor:
        return torch.rand(self.examples, *shape, generator=self._made(name))

    def normal(self, name: str, *shape: int) -> torch.Tensor:
        return torch.randn(self.examples, *shape, generator=self._made(name))

    def once(self, name: str) -> torch.Tensor:
        return torch.rand(1, generator=self._made(name))[0]

    def order(self, name: str) -> torch.Tensor:
        return torch.rand(self.examples, generator=self._made(name)).argsort(stable=True)


def plainly(run: Run, data: Dataset) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """(the last weights, the reported ones), in the order of the network's places.

    Minibatches and first weights are the engine's; all else is torch's: autograd, SGD.
    """
    trainer = Trainer(cohort([run]), data, CPU)
    feed, network = trainer.feed, trainer.program.network
    weights = [
        trainer.state.w[0, at.start : at.stop].view(at.parameter.shape).clone().requires_grad_()
        for at in network.places
    ]
    made = run.experiment
    optimizer = torch.optim.SGD(weights, lr=made.optimizer.lr, momentum=made.optimizer.momentum)
    kept: dict[str, object] = {}
    reported: Sequence[torch.Tensor] = weights
    size, step = int(made.batch_size), 0
    for epoch in range(1, made.epochs + 1):
        feed.shuffle(epoch)
        for start in range(0, feed.longest, size):
            step += 1
            stop = min(start + size, feed.longest)
            batch = feed.minibatch(start, stop)
            moment = Moment(epoch, made.epochs, step, stop == feed.longest)
            plain = Plain(
                weights=weights,
                x_B=batch.inputs["x"][0],
                targets=[(None, batch.y_RB[0])],
                loss=lambda x_B: torch.zeros(()),
                draw=PlainDraw(run.replicate.draw_seed, "", step, batch.examples),
                moment=moment,
                classes=feed.classes,
                kept=kept,
            )
            plain.loss = _loss_of(plain, made)
            _step(plain, made, optimizer, run.replicate.draw_seed)
            reported = plain.reported or (reported if reported is not weights else weights)
    return [w.detach() for w in weights], [w.detach() for w in reported]


def _step(plain: Plain, made: Experiment, optimizer: torch.optim.Optimizer, seed: int) -> None:
    def refer(hook: type) -> None:
        for term in sorted(made.regularizers, key=lambda term: term.kind):
            if isinstance(term, hook):
                draw = plain.draw
                plain.draw = PlainDraw(seed, term.kind, draw.step, draw.examples)
                term.reference(plain)

    refer(Augmentation)
    optimizer.zero_grad()
    plain.loss(plain.x_B).backward()
    refer(Regradient)
    refer(GradientChange)
    optimizer.step()
    refer(Average)


def _loss_of(plain: Plain, made: Experiment) -> Callable[[torch.Tensor], torch.Tensor]:
    """J's data term as it is when asked: targets may have been changed by then."""
    by = {"cross_entropy": _cross_entropy, "mse": _squares}[made.loss.kind]

    def loss(x_B: torch.Tensor) -> torch.Tensor:
        (first, second), (bias, last) = plain.weights[:2], plain.weights[2:]
        z_B = linear(relu(linear(x_B.flatten(1), first.T, bias[0])), second.T, last[0])
        return sum(
            ((1.0 if share_B is None else share_B) * by(z_B, y_B)).mean()
            for share_B, y_B in plain.targets
        )

    return loss


def _cross_entropy(z_B: torch.Tensor, y_B: torch.Tensor) -> torch.Tensor:
    return cross_entropy(z_B, y_B, reduction="none")


def _squares(z_B: torch.Tensor, y_B: torch.Tensor) -> torch.Tensor:
    return mse_loss(z_B, y_B, reduction="none").mean(-1)
