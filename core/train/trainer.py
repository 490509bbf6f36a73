"""A cohort on its device: program, data and state, and what an epoch does to them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch

from core.datasets import Dataset
from core.layers.layer import Shape
from core.regularizers.early_stopping import EarlyStopping
from core.term import Knobs
from core.train import checkpoint
from core.train.cohort import Cohort
from core.train.data import PARTS, Batch, Feed
from core.train.events import Ended, EndReason, Epoch, Event, Finished
from core.train.model import Draw, Model
from core.train.program import Program, Slot
from core.train.randomness import uniforms
from core.train.score import direction_of, metrics_for, score, terms, weight_facts
from core.train.state import State
from core.train.update import update

SELECT = "select"  # the watch that keeps the best epoch by the job's metric


class Trainer:
    """Rows of `state` are the runs still training; program and feed always serve the same ones."""

    def __init__(self, cohort: Cohort, dataset: Dataset, device: torch.device) -> None:
        self.device = device
        self.runs = len(cohort.runs)
        self.program = Program(cohort, dataset.facts, device)
        self.feed = Feed(cohort, dataset, device)
        self.task = dataset.facts.task
        self.metrics = metrics_for(self.task, final=False)
        self.running = [m for m in self.metrics if m.mean_of_examples]
        self.watched = {SELECT: cohort.metric}
        for slot in self.program.procedures:
            self.watched[slot.label] = _procedure(slot).metric or "val_loss"
        self.state = State(
            cohort,
            self.program.network,
            self.program.optimizer.states(),
            {name: direction_of(metric) for name, metric in self.watched.items()},
            device,
        )
        constants = self.program.loss.constants
        classes = len(dataset.facts.classes)
        self._loss_constants = [
            constants(dataset.targets[stream.train], classes) for stream in self.feed.streams
        ]
        self._logged_at = time.monotonic()
        self._bind()

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint of the same cohort."""
        self.state.restore(checkpoint.read(path))
        self._select(self.state.rows)

    def write_checkpoint(self, path: Path) -> None:
        checkpoint.write(path, self.state.tensors())

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.state.epoch

    @property
    def finished(self) -> bool:
        return not self.state.rows or self.state.epoch >= self.program.epochs

    def run_epoch(self, cancelled: Callable[[], bool]) -> bool:
        """One pass over the training part; False when it was cancelled on the way."""
        state, feed = self.state, self.feed
        epoch = state.epoch + 1
        feed.shuffle(epoch)
        full = self.program.batch_size == "full"
        size = feed.epoch_examples if full else int(self.program.batch_size)
        starts = range(0, feed.epoch_examples, size)
        lr_TR1 = self._learning_rates(epoch - 1, len(starts))
        self._sums: dict[str, torch.Tensor] = {}
        for index, start in enumerate(starts):
            if cancelled():
                return False
            last = index == len(starts) - 1 and self._logs(epoch)
            batch = feed.minibatch(start, min(start + size, feed.epoch_examples))
            self._step(batch, lr_TR1[index], last=last)
        self._lr_R1 = lr_TR1[-1]
        state.epoch = epoch
        return True

    def log(self) -> Iterator[Event]:
        """What this epoch gave, if it is one to log: scores, and the runs that end here."""
        if not self._logs(self.state.epoch):
            return
        values = self._measure()
        names = list(values)
        stops_A = self._watch(values)
        stacked = torch.stack([*values.values(), stops_A.float()]).tolist()  # the one host copy
        rows, epoch, now = tuple(self.state.rows), self.state.epoch, time.monotonic()
        metrics = dict(zip(names, stacked, strict=False))
        yield Epoch(epoch, rows, metrics, now - self._logged_at)
        self._logged_at = now
        yield from self._end(metrics, stacked[-1])

    def finish(self) -> Finished:
        """Score every run of the cohort at its reported weights."""
        state = self.state
        everyone = list(range(self.runs))
        self._select(everyone, state.ended["reported"])
        final: dict[str, torch.Tensor] = {}
        metrics = metrics_for(self.task, final=True)
        for part in PARTS:
            final |= score(part, self.model, self.feed, self.program, metrics, self.loss_knobs)
        final |= self._weights(state.ended["reported"], final["train_loss"])
        named = {k: v.tolist() for k, v in final.items()}
        return Finished(
            named,
            state.best_epoch.tolist(),
            lambda path: checkpoint.write(path, self._named_weights()),
        )

    def _named_weights(self) -> dict[str, torch.Tensor]:
        """`last|best|reported/<layer>/<parameter>`, (R, …), and what standardised the data.

        Each run's part stands alone: with its scales, a client needs nothing else to predict.
        """
        streams = [self.feed.scales[s] for s in self.feed.stream_of_run]
        scales = {
            f"standardize/{name}": torch.stack([s[name] for s in streams]) for name in streams[0]
        }
        named: dict[str, torch.Tensor] = {}
        for which, rows in self.state.ended.items():
            for place in self.program.network.places:
                part = rows[:, place.start : place.stop].unflatten(1, place.parameter.shape)
                named[f"{which}/{self.program.network.label(place)}"] = part.cpu()
            named |= {f"{which}/{name}": value.clone() for name, value in scales.items()}
        return named

    def _select(self, rows: list[int], w: torch.Tensor | None = None) -> None:
        self.program.select(rows)
        self.feed.select(rows)
        self._bind(w)

    def _bind(self, w: torch.Tensor | None = None) -> None:
        """Point at the rows now served: after the start, a compaction or a restore."""
        self.model = Model(self.program.network, self.state.w if w is None else w)
        constants = {
            name: self.feed.constants([c[name] for c in self._loss_constants])
            for name in self._loss_constants[0]
        }
        self.loss_knobs = Knobs({**vars(self.program.losses.knobs), **constants})

    def _logs(self, epoch: int) -> bool:
        return epoch % self.program.evaluate_every == 0 or epoch == self.program.epochs

    def _learning_rates(self, epoch: int, steps: int) -> torch.Tensor:
        """(T, A, 1): base rate times the schedule's factor, in one copy to the device."""
        program = self.program
        schedules = [program.schedules[row] for row in self.state.rows]
        made = {s: s.factors(epoch, steps, program.epochs) for s in set(schedules)}
        factors_TA = np.stack([made[s] for s in schedules], 1).astype(np.float32)
        base_A = program.optimizers.knobs.lr
        return (torch.from_numpy(factors_TA).to(self.device) * base_A).unsqueeze(-1)

    def _step(self, batch: Batch, lr_A1: torch.Tensor, *, last: bool) -> None:
        state, program = self.state, self.program
        state.steps += 1
        output = self.model.forward(batch.x_RB, program.layers, self._draws(batch.examples))
        loss_AB = program.loss.rows(output, batch.y_RB, self.loss_knobs)
        loss_A = loss_AB.mean(1)
        self.model.gradient(loss_A.sum(), state.grad)
        with torch.no_grad():
            update(state, program, lr_A1)
            self._accumulate("train_loss", loss_A.detach(), batch.examples)
            for metric in self.running:
                ones = torch.ones_like(loss_A[:, None])
                value = metric.value(output.detach(), batch.y_RB, ones.expand_as(loss_AB), None)
                self._accumulate(f"train_{metric.kind}", value, batch.examples)
            if last:
                self._grad_norm = torch.linalg.vector_norm(state.grad, dim=1)

    def _accumulate(self, name: str, value_A: torch.Tensor, examples: int) -> None:
        """Mean over the epoch's examples, on the device."""
        share = examples / self.feed.epoch_examples
        if name in self._sums:
            self._sums[name].add_(value_A, alpha=share)
        else:
            self._sums[name] = value_A * share

    def _draws(self, examples: int) -> Draw:
        step = self.state.steps

        def draw(node: int, shape: Shape, lo: int, hi: int) -> torch.Tensor:
            purpose = f"noise/{self.program.network.nodes[node].name}"
            seeds = self.feed.seeds()
            drawn = uniforms(seeds, purpose, step, (examples, *shape), self.device)
            return self.feed.to_runs(drawn, lo, hi)

        return draw

    def _measure(self) -> dict[str, torch.Tensor]:
        """Every metric of a logged epoch, (A,) each, still on the device."""
        values = dict(self._sums)
        values |= score("val", self.model, self.feed, self.program, self.metrics, self.loss_knobs)
        values |= self._weights(self.state.w, values["train_loss"])
        values["grad_norm"] = self._grad_norm
        values["lr"] = self._lr_R1[:, 0]
        return values

    def _weights(self, w: torch.Tensor, loss_A: torch.Tensor) -> dict[str, torch.Tensor]:
        """The objective, its penalty terms, and facts of the weights."""
        penalties = terms(w, self.program)
        objective = torch.stack([loss_A, *penalties.values()]).sum(0)
        return {"objective": objective, **penalties, **weight_facts(w, self.program)}

    def _watch(self, values: dict[str, torch.Tensor]) -> torch.Tensor:
        """(A,) true where a procedure ends the run; every watch sees this epoch."""
        state = self.state
        watched = {n: values[metric] for n, metric in self.watched.items() if n == SELECT}
        state.watches[SELECT].see(watched[SELECT], state.w, state.epoch, 0.0)
        stops_A = torch.zeros(len(state.rows), dtype=torch.bool, device=self.device)
        for slot in self.program.procedures:
            knobs = slot.stack.knobs
            value_A = values[self.watched[slot.label]]
            watch = state.watches[slot.label]
            since_A = watch.see(value_A, state.w, state.epoch, knobs.min_delta)
            stops_A |= since_A >= knobs.patience
        return stops_A

    def _end(self, metrics: dict[str, list[float]], stops: list[float]) -> Iterator[Event]:
        """Let go of the runs that end at this epoch, and compact."""
        state = self.state
        reasons: dict[int, EndReason] = {}
        for place in range(len(state.rows)):
            # a run whose own numbers are not finite can only stay so
            if not np.isfinite(metrics["train_loss"][place] + metrics["weight_norm"][place]):
                reasons[place] = "diverged"
            elif state.epoch >= self.program.epochs:
                reasons[place] = "completed"
            elif stops[place]:
                reasons[place] = "early_stopped"
        if not reasons:
            return
        self._retire(list(reasons))
        yield from (Ended(state.rows[p], state.epoch, why) for p, why in reasons.items())
        state.keep([p for p in range(len(state.rows)) if p not in reasons])
        if state.rows:
            self._select(state.rows)

    def _retire(self, places: list[int]) -> None:
        """Store last, best and reported weights of runs that end."""
        state = self.state
        index = torch.tensor(places, device=self.device)
        rows = torch.tensor([state.rows[p] for p in places], device=self.device)
        last = state.w.index_select(0, index)
        reported = last
        best = _best(state, SELECT, index, last)
        for slot in self.program.procedures:
            if _procedure(slot).restore_best:
                has = torch.from_numpy(slot.has).to(self.device)[rows]
                restored = _best(state, slot.label, index, last)
                reported = torch.where(has[:, None], restored, reported)
        for name, value in (("last", last), ("best", best), ("reported", reported)):
            state.ended[name].index_copy_(0, rows, value)
        epochs = state.watches[SELECT].tensors["epoch"].index_select(0, index)
        state.best_epoch[rows.cpu()] = epochs.cpu()


def _best(state: State, watch: str, index: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
    """Weights of the best epoch, or the last where no epoch had a finite value."""
    tensors = state.watches[watch].tensors
    seen = tensors["epoch"].index_select(0, index) > 0
    return torch.where(seen[:, None], tensors["weights"].index_select(0, index), last)


def _procedure(slot: Slot) -> EarlyStopping:
    assert isinstance(slot.term, EarlyStopping), f"{slot.label} is no early stopping"
    return slot.term
