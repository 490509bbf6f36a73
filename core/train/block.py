"""Runs that train in the same tensors: a block of a cohort's rows, for one epoch after another.

On a GPU the whole cohort is one block. On a CPU there is one for each core, and they train at the
same time: that is faster than all cores on every small operation. Where activations do not fit in
memory, blocks take turns. Weights and optimizer state stay stacked in the cohort's state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from core.layers.layer import Drawn, Shape
from core.metrics import Metric
from core.metrics.metric import mean_present
from core.network.run import Draw, Model
from core.stack import Span
from core.term import Knobs
from core.train.data import Batch, Feed, Part
from core.train.given import Given
from core.train.passes import States, hooks_of, reported
from core.train.program import Program
from core.train.randomness import uniforms
from core.train.score import Scored, score, terms, weight_facts
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
        states: States,
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
        self.loss_knobs = Knobs({**vars(losses.knobs), **of_loss}, idle=not losses.acting)
        self.t: int | torch.Tensor = 0  # of the step now taken, from 1; (R, 1) where runs differ
        self.steps: list[int] = []  # the same for each active stream
        self.grad_norm_R = torch.zeros(len(rows), device=w.device)
        # what a run that takes no step keeps
        self._lasting = (self.w, *self.optimizer.values(), *states.values(), self.grad_norm_R)
        self.sums: dict[str, torch.Tensor] = {}
        self._states = states
        self.hooks = hooks_of(self, states)

    @torch.no_grad()
    def run_epoch(
        self, epoch: int, metrics: Sequence[Metric], cancelled: Callable[[], bool]
    ) -> bool:
        """Pass `epoch` (from 1) over the training parts; False: cancelled.

        Every stream takes as many steps as its own part fills minibatches. One whose part is
        over waits for the others, and nothing of it changes.
        """
        feed, program = self.feed, self.program
        feed.shuffle(epoch)
        size = feed.longest if program.batch_size == "full" else int(program.batch_size)
        steps_S = [-(-length // size) for length in feed.lengths]
        lr_TR1 = self._learning_rates(epoch - 1, steps_S)
        self.sums = {}
        for index, start in enumerate(range(0, feed.longest, size)):
            if cancelled():
                return False
            self.steps = [(epoch - 1) * steps + index + 1 for steps in steps_S]
            alike = len(set(steps_S)) == 1
            self.t = self.steps[0] if alike else feed.per_run(self.steps)[:, None]
            if self.hooks is not None:
                self.hooks.begin(epoch, steps_S, index)
            batch = feed.minibatch(start, min(start + size, feed.longest))
            self._step(batch, lr_TR1[index], metrics, last=index + 1 in steps_S)
        self.lr_R1 = lr_TR1[-1]
        return True

    def reported(self) -> torch.Tensor:
        """(R, size) the rows that these runs would report now: most often `w` itself."""
        return reported(self.program, self.w, self._states)

    def measure(
        self, metrics: Sequence[Metric], reported_RT: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """Every metric of a logged epoch, (R,) each, still on the device."""
        feed = self.feed
        alike = len(set(feed.lengths)) == 1
        examples = feed.longest if alike else feed.per_run(feed.lengths)
        values = {n: v / examples for n, v in self.sums.items()}
        values |= self.score("val", metrics, reported_RT).values
        values |= self.weights(values["train_loss"], reported_RT)
        values["grad_norm"] = self.grad_norm_R
        values["lr"] = self.lr_R1[:, 0]
        return values

    def score(self, part: Part, metrics: Sequence[Metric], w_RT: torch.Tensor) -> Scored:
        """At these rows of weights."""
        model = self.model if w_RT is self.w else Model(self.program.network, w_RT)
        return score(part, model, self.feed, self.program, metrics, self.loss_knobs)

    def weights(self, loss_R: torch.Tensor, w_RT: torch.Tensor) -> dict[str, torch.Tensor]:
        """The objective, its penalty terms, and facts of the weights."""
        penalties = terms(w_RT, self.program)
        objective = torch.stack([loss_R, *penalties.values()]).sum(0)
        return {"objective": objective, **penalties, **weight_facts(w_RT, self.program)}

    def _learning_rates(self, epoch: int, steps_S: Sequence[int]) -> torch.Tensor:
        """(T, R, 1): base rate times the schedule's factor, in one copy to the device.

        A stream's steps share out its own epoch; after the last of them its rate stays.
        """
        program = self.program
        steps_R = [steps_S[place] for place in self.feed.places]
        keys = [(program.schedules[r], n) for r, n in zip(self.rows, steps_R, strict=True)]
        turns_T = np.arange(max(steps_S))
        made = {
            (schedule, steps): schedule.factors(epoch, steps, program.epochs)[
                np.minimum(turns_T, steps - 1)
            ]
            for schedule, steps in set(keys)
        }
        factors_TR = np.stack([made[key] for key in keys], 1).astype(np.float32)
        base_R = program.optimizers.knobs.lr
        return (torch.from_numpy(factors_TR).to(base_R.device) * base_R).unsqueeze(-1)

    def _step(
        self, batch: Batch, lr_R1: torch.Tensor, metrics: Sequence[Metric], *, last: bool
    ) -> None:
        program, hooks, present_RB = self.program, self.hooks, batch.present_RB
        put_back = self._keep(batch.absent)
        given = Given(batch) if hooks is None else hooks.on_batch(batch)
        inputs, draws = given.batch.inputs, self.draws(batch)
        output, pull = self.model.vjp(inputs, program.layers, draws, present_RB)
        loss_RB, slope = given.loss(program.loss, output, self.loss_knobs)
        pull(slope)
        if hooks is not None:
            hooks.regradient()
        if last:  # of the data term; the update uses the gradient up
            torch.linalg.vector_norm(self.grad, dim=1, out=self.grad_norm_R)
        update(self, lr_R1)
        if hooks is not None:
            hooks.after_step()
        put_back()
        self._add("train_loss", mean_present(loss_RB, present_RB), batch)
        y_RB = given.metric_targets()
        for metric in metrics:
            value_R = metric.value(output, y_RB, present_RB, None)
            self._add(f"train_{metric.kind}", value_R, batch)

    def _keep(self, absent: torch.Tensor | None) -> Callable[[], None]:
        """Remember these runs as they are before a step; what it returns puts them back."""
        if absent is None:
            return lambda: None
        kept = [value.index_select(0, absent) for value in self._lasting]

        def put_back() -> None:
            for value, rows in zip(self._lasting, kept, strict=True):
                value.index_copy_(0, absent, rows)

        return put_back

    def _add(self, name: str, value_R: torch.Tensor, batch: Batch) -> None:
        """Sum over the epoch's examples, on the device."""
        if batch.counts is None:
            if name in self.sums:
                self.sums[name].add_(value_R, alpha=batch.examples)
            else:
                self.sums[name] = value_R * batch.examples
            return
        count_R = self.feed.per_run(batch.counts)
        added_R = torch.where(count_R > 0, value_R * count_R, 0.0)
        self.sums[name] = self.sums[name] + added_R if name in self.sums else added_R

    def draws(self, batch: Batch) -> Draw:
        """What layers draw in the step now taken, the same as often as they ask."""

        def draw(node: int, shape: Shape, spans: Sequence[Span]) -> Iterator[Drawn]:
            purpose = f"noise/{self.program.network.nodes[node].name}"
            whole = (batch.examples, *shape)
            drawn = uniforms(
                self.feed.seeds(), purpose, self.steps, whole, self.w.device, batch.counts
            )
            return ((slice(lo, hi), self.feed.to_runs(drawn, lo, hi)) for lo, hi in spans)

        return draw
