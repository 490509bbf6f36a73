"""Runs that train in the same tensors: a block of a cohort's rows, for one epoch after another.

On a GPU the whole cohort is one block. On a CPU there is one for each core, and they train at the
same time: that is faster than all cores on every small operation. Where activations do not fit in
memory, blocks take turns. Weights and optimizer state stay stacked in the cohort's state.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from core.layers.layer import Shape
from core.metrics import Metric
from core.term import Knobs
from core.train.data import Batch, Feed, Part
from core.train.model import Draw, Model
from core.train.program import Program, Slot
from core.train.randomness import uniforms
from core.train.score import score, terms, weight_facts
from core.train.update import update

Constants = Sequence[Mapping[str, np.ndarray]]
"""Of each stream of the feed, what its training targets add to the loss's knobs."""


class Block:
    """Rows [lo, hi) of the active runs: views of their state, and the tensors of one epoch."""

    def __init__(
        self,
        program: Program,
        feed: Feed,
        rows: Sequence[int],
        w: torch.Tensor,
        optimizer: Mapping[str, torch.Tensor],
        constants: Constants,
    ) -> None:
        program.select(rows)
        feed.select(rows)
        self.program, self.feed, self.rows, self.w = program, feed, tuple(rows), w
        self.optimizer = dict(optimizer)
        self.grad = torch.zeros(len(rows), program.network.trained, device=w.device)
        self.model = Model(program.network, w, self.grad)
        of_loss = {n: feed.constants([c[n] for c in constants]) for n in constants[0]}
        losses = program.losses
        self.loss_knobs = Knobs({**vars(losses.knobs), **of_loss}, idle=losses.acting == (0, 0))
        self.steps = 0
        self.sums: dict[str, torch.Tensor] = {}

    @torch.no_grad()
    def run_epoch(
        self, epoch: int, steps: int, metrics: Sequence[Metric], cancelled: Callable[[], bool]
    ) -> bool:
        """Pass `epoch` (from 1) over the training part, `steps` being behind; False: cancelled."""
        feed, program = self.feed, self.program
        feed.shuffle(epoch)
        size = feed.epoch_examples if program.batch_size == "full" else int(program.batch_size)
        starts = range(0, feed.epoch_examples, size)
        lr_TR1 = self._learning_rates(epoch - 1, len(starts))
        self.sums, self.steps = {}, steps
        for index, start in enumerate(starts):
            if cancelled():
                return False
            batch = feed.minibatch(start, min(start + size, feed.epoch_examples))
            self._step(batch, lr_TR1[index], metrics, last=index == len(starts) - 1)
        self.lr_R1 = lr_TR1[-1]
        return True

    def measure(self, metrics: Sequence[Metric]) -> dict[str, torch.Tensor]:
        """Every metric of a logged epoch, (R,) each, still on the device."""
        values = {n: v / self.feed.epoch_examples for n, v in self.sums.items()}
        values |= self.score("val", metrics)
        values |= self.weights(values["train_loss"])
        values["grad_norm"] = self.grad_norm_R
        values["lr"] = self.lr_R1[:, 0]
        return values

    def knobs_of(self, slot: Slot) -> Knobs:
        """The knobs of a slot of the cohort, for all rows of this block."""
        return next(s for s in self.program.slots if s.label == slot.label).stack.knobs

    def score(self, part: Part, metrics: Sequence[Metric]) -> dict[str, torch.Tensor]:
        return score(part, self.model, self.feed, self.program, metrics, self.loss_knobs)

    def weights(self, loss_R: torch.Tensor) -> dict[str, torch.Tensor]:
        """The objective, its penalty terms, and facts of the weights."""
        penalties = terms(self.w, self.program)
        objective = torch.stack([loss_R, *penalties.values()]).sum(0)
        return {"objective": objective, **penalties, **weight_facts(self.w, self.program)}

    def _learning_rates(self, epoch: int, steps: int) -> torch.Tensor:
        """(T, R, 1): base rate times the schedule's factor, in one copy to the device."""
        program = self.program
        schedules = [program.schedules[row] for row in self.rows]
        made = {s: s.factors(epoch, steps, program.epochs) for s in set(schedules)}
        factors_TR = np.stack([made[s] for s in schedules], 1).astype(np.float32)
        base_R = program.optimizers.knobs.lr
        return (torch.from_numpy(factors_TR).to(base_R.device) * base_R).unsqueeze(-1)

    def _step(
        self, batch: Batch, lr_R1: torch.Tensor, metrics: Sequence[Metric], *, last: bool
    ) -> None:
        program = self.program
        self.steps += 1
        draw = self._draws(batch.examples)
        output, pull = self.model.vjp(batch.x_RB, program.layers, draw)
        loss_RB, slope_RB = program.loss.value_and_grad(output, batch.y_RB, self.loss_knobs)
        pull(slope_RB)
        if last:  # of the data term; the update uses the gradient up
            self.grad_norm_R = torch.linalg.vector_norm(self.grad, dim=1)
        update(self, lr_R1)
        self._add("train_loss", loss_RB.mean(1), batch.examples)
        for metric in metrics:
            value_R = metric.value(output, batch.y_RB, None, None)
            self._add(f"train_{metric.kind}", value_R, batch.examples)

    def _add(self, name: str, value_R: torch.Tensor, examples: int) -> None:
        """Sum over the epoch's examples, on the device."""
        if name in self.sums:
            self.sums[name].add_(value_R, alpha=examples)
        else:
            self.sums[name] = value_R * examples

    def _draws(self, examples: int) -> Draw:
        def draw(node: int, shape: Shape, lo: int, hi: int) -> torch.Tensor:
            purpose = f"noise/{self.program.network.nodes[node].name}"
            drawn = uniforms(
                self.feed.seeds(), purpose, self.steps, (examples, *shape), self.w.device
            )
            return self.feed.to_runs(drawn, lo, hi)

        return draw
