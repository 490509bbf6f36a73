"""A cohort on its device: what an epoch does to its runs, and which of them end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from core.answers.answered import Answered
from core.answers.gathered import Answers, Tested
from core.datasets import Dataset
from core.datasets.splits import units_of
from core.metrics.threshold import THRESHOLD, best_threshold, metric_decided
from core.regularizers.passes import Average
from core.regularizers.regularizer import Procedure, Seen
from core.rows import write_rows
from core.train import checkpoint
from core.train.block import Block
from core.train.cohort import Cohort
from core.train.data import PARTS, Feed
from core.train.events import Ended, EndReason, Epoch, Event, Finished
from core.train.passes import reported
from core.train.program import Program
from core.train.score import direction_of, kind_of, metrics_for
from core.train.state import State

SELECT = "select"  # the watch that keeps the best epoch by the job's metric
T = TypeVar("T")
Logged = tuple[tuple[int, ...], dict[str, list[float]], list[float]]
"""Rows, their metrics, and whether a procedure ends each."""


class Trainer:
    """Rows of `state` are the runs still training; they train in `state.parts` blocks.

    `lanes` blocks train at the same time; with fewer lanes than parts they take turns. Results
    depend on the parts alone, which a checkpoint keeps, never on the lanes.
    """

    def __init__(
        self,
        cohort: Cohort,
        dataset: Dataset,
        device: torch.device,
        parts: int = 1,
        lanes: int = 1,
    ) -> None:
        self.cohort, self.device, self.lanes = cohort, device, lanes
        self._dataset = dataset
        self.program = Program(cohort, dataset.facts, device)
        self.feed = Feed(cohort, dataset, device)
        self.procedures = self.program.slots_of(Procedure)
        self._averages = bool(self.program.slots_of(Average))
        self.watched = {SELECT: cohort.metric}
        self.watched |= {slot.label: slot.term.watched for slot in self.procedures}
        asked = {kind_of(name) for name in self.watched.values()}
        task, classes = dataset.facts.task, len(dataset.facts.classes)
        self.metrics = metrics_for(task, classes, asked, final=False)
        self.final_metrics = metrics_for(task, classes, asked, final=True)
        self.running = [m for m in self.metrics if m.mean_of_examples and m.every_epoch]
        self.state = State(
            cohort,
            self.program.network,
            self.program.optimizer.states(),
            self.program.states(),
            {name: direction_of(metric) for name, metric in self.watched.items()},
            device,
        )
        self.state.parts = parts
        constants = self.program.loss.constants
        self._constants = [
            constants(dataset.targets[stream.train], classes) for stream in self.feed.streams
        ]
        self._blocks: dict[int, Block] = {}
        self._logged: list[Logged] = []
        self._logged_at = time.monotonic()

    def restore(self, path: Path) -> None:
        """Continue from a checkpoint of the same cohort."""
        self.state.restore(checkpoint.read(path))
        self._blocks = {}

    def write_checkpoint(self, path: Path) -> None:
        checkpoint.write(path, self.state.tensors())

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.state.epoch

    @property
    def finished(self) -> bool:
        return not self.state.rows or self.state.epoch >= self.program.epochs

    @property
    def operation_flops(self) -> float:
        """Of a typical operation: one layer, one minibatch, all runs of a block."""
        network = self.program.network
        batch = self.program.batch_size
        examples = self.feed.longest if batch == "full" else int(batch)
        layers = max(1, sum(1 for n in network.nodes if n.flops))
        return network.flops * examples * len(self.state.rows) / self.state.parts / layers

    def run_epoch(self, cancelled: Callable[[], bool]) -> bool:
        """One pass over the training part; False when it was cancelled on the way."""
        state = self.state
        epoch = state.epoch + 1
        logs = epoch % self.program.evaluate_every == 0 or epoch == self.program.epochs

        def run(number: int, lo: int, hi: int) -> tuple[bool, Logged | None]:
            block = self._serve(number, lo, hi)
            whole = block.run_epoch(epoch, self.running, cancelled)
            return whole, self._log(block, epoch, lo, hi) if whole and logs else None

        done = self._in_lanes(run, _cuts(len(state.rows), state.parts))
        if not all(whole for whole, _ in done):
            return False
        self._logged = [logged for _, logged in done if logged is not None]
        state.epoch = epoch
        return True

    def _in_lanes(self, run: Callable[[int, int, int], T], cuts: list[tuple[int, int]]) -> list[T]:
        """`run(number, lo, hi)` of every block: at the same time, or in turns."""
        numbered = [(number, lo, hi) for number, (lo, hi) in enumerate(cuts)]
        if self.lanes == 1 or len(cuts) == 1:
            return [run(*entry) for entry in numbered]
        with ThreadPoolExecutor(self.lanes, initializer=_one_core_each) as lanes:
            return list(lanes.map(lambda entry: run(*entry), numbered))

    def log(self) -> Iterator[Event]:
        """What this epoch gave, if it is one to log: scores, and the runs that end here."""
        if not self._logged:
            return
        rows, metrics, stops = _together(self._logged)
        now = time.monotonic()
        yield Epoch(self.state.epoch, rows, metrics, now - self._logged_at)
        self._logged_at = now
        yield from self._end(metrics, stops)

    def cut(self) -> None:
        """End every run where it is, in the middle of an epoch as may be."""
        self._retire(list(range(len(self.state.rows))))
        self.state.keep([])

    def finish(self, rows_bytes_max: float) -> Finished:
        """Score every run of the cohort at its reported weights, its test part row by row."""
        self._blocks = {}
        metrics = self.final_metrics
        unit_N = units_of(self._dataset, self.cohort.protocol.split)
        answers = Answers(
            Tested(*self.feed.tested(), self.feed.stream_of_run, unit_N),
            self.program.loss,
            self.program.network.outputs,
            metrics,
            chosen=kind_of(self.cohort.metric),
            bytes_max=rows_bytes_max,
        )

        def run(number: int, lo: int, hi: int) -> Logged:
            rows = tuple(range(lo, hi))
            w = self.state.ended["reported"][lo:hi]
            block = self._block(rows, w, {}, {})
            final: dict[str, torch.Tensor] = {}
            for part in PARTS:
                scored = block.score(part, metrics, w)
                final |= scored.values
                if part == "test":
                    answers.take(lo, hi, scored.answered)
                if part == "val" and self.feed.classes == 2:
                    final |= self._threshold(scored.answered)
            final |= block.weights(final["train_loss"], w)
            return rows, {k: v.tolist() for k, v in final.items()}, []

        finals = self._in_lanes(run, _cuts(len(self.cohort.runs), self.state.parts))
        rows = answers.scores()
        return Finished(
            _together(finals)[1],
            self.state.best_epoch.tolist(),
            lambda path: checkpoint.write(path, self._named_weights()),
            None if rows is None else partial(write_rows, scores=rows),
        )

    def _threshold(self, answered: Answered) -> dict[str, torch.Tensor]:
        """By the validation rows, where the loss gives probabilities."""
        p_RNC = answered.probability_RNC
        if p_RNC is None:
            return {}
        metric = metric_decided(self.cohort.metric)
        found_R = best_threshold(p_RNC[..., 1], answered.target_RN, answered.present_RN, metric)
        return {THRESHOLD: found_R}

    def _serve(self, number: int, lo: int, hi: int) -> Block:
        """Rows [lo, hi) of the active ones, kept from the epoch before where they are the same."""
        state = self.state
        rows = tuple(state.rows[lo:hi])
        kept = self._blocks.get(number)
        if kept is not None and kept.rows == rows:
            return kept
        optimizer = {n: v[lo:hi] for n, v in state.optimizer.items()}
        terms = {n: v[lo:hi] for n, v in state.terms.items()}
        block = self._block(rows, state.w[lo:hi], optimizer, terms)
        if self.lanes > 1 or state.parts == 1:  # blocks that take turns are made for each
            self._blocks[number] = block
        return block

    def _block(
        self,
        rows: tuple[int, ...],
        w: torch.Tensor,
        optimizer: Mapping[str, torch.Tensor],
        terms: Mapping[str, torch.Tensor],
    ) -> Block:
        program, feed = self.program.fork(), self.feed.fork()
        return Block(program, feed, rows, w, optimizer, terms, self._constants)

    def _log(self, block: Block, epoch: int, lo: int, hi: int) -> Logged:
        """Measure a block after its epoch; the one host copy."""
        with torch.no_grad():
            w_RT = block.reported()
            values = block.measure(self.metrics, w_RT)
            stops_R = self._watch(block, values, w_RT, epoch, lo)
            *columns, stops = torch.stack([*values.values(), stops_R.float()]).tolist()
        return block.rows, dict(zip(values, columns, strict=True)), stops

    def _watch(
        self,
        block: Block,
        values: Mapping[str, torch.Tensor],
        w_RT: torch.Tensor,
        epoch: int,
        lo: int,
    ) -> torch.Tensor:
        """(R,) true where a procedure ends the run; every watch sees this epoch.

        The block's rows start at `lo` of the active ones, and report `w_RT`.
        """
        watches, runs = self.state.watches, len(w_RT)
        watches[SELECT].see(values[self.watched[SELECT]], w_RT, epoch, lo, lo + runs)
        stops_R = torch.zeros(runs, dtype=torch.bool, device=self.device)
        for at in block.program.procedures:
            value_R = values[self.watched[at.label]][at.rows]
            first, last = lo + at.rows.start, lo + at.rows.stop
            margin = at.term.margin(at.knobs)
            since_R = watches[at.label].see(value_R, w_RT[at.rows], epoch, first, last, margin)
            stops_R[at.rows] |= at.term.after_epoch(Seen(epoch, value_R, since_R), at.knobs)
        return stops_R

    def _end(self, metrics: Mapping[str, list[float]], stops: list[float]) -> Iterator[Event]:
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
        self._blocks = {}
        state.keep([p for p in range(len(state.rows)) if p not in reasons])

    def _retire(self, places: list[int]) -> None:
        """Store last, best and reported weights of runs that end."""
        state = self.state
        index = torch.tensor(places, device=self.device)
        rows = torch.tensor([state.rows[p] for p in places], device=self.device)
        last = self._reported().index_select(0, index)
        chosen = last
        for slot in self.procedures:
            if slot.term.restores:
                has = torch.from_numpy(slot.has).to(self.device)[rows]
                restored = state.watches[slot.label].best(index, last)
                chosen = torch.where(has[:, None], restored, chosen)
        best = state.watches[SELECT].best(index, last)
        for name, value in (("last", last), ("best", best), ("reported", chosen)):
            state.ended[name].index_copy_(0, rows, value)
        epochs = state.watches[SELECT].tensors["epoch"].index_select(0, index)
        state.best_epoch[rows.cpu()] = epochs.cpu()

    def _reported(self) -> torch.Tensor:
        """(A, size) what the active runs report: most often the rows that they train."""
        if not self._averages:
            return self.state.w
        program = self.program.fork()
        program.select(self.state.rows)
        return reported(program, self.state.w, self.state.terms)

    def _named_weights(self) -> dict[str, torch.Tensor]:
        """`last|best|reported/<layer>/<parameter>`, (R, …), and what standardised the data.

        Each run's part stands alone: with its scales, a client needs nothing else to predict.
        """
        streams = [self.feed.scales[s] for s in self.feed.stream_of_run]
        scales = {
            f"standardize/{name}": torch.stack([s[name] for s in streams]) for name in streams[0]
        }
        network = self.program.network
        named: dict[str, torch.Tensor] = {}
        for which, rows in self.state.ended.items():
            for place in network.places:
                part = rows[:, place.start : place.stop].unflatten(1, place.parameter.shape)
                named[f"{which}/{network.label(place)}"] = part.cpu()
            named |= {f"{which}/{name}": value.clone() for name, value in scales.items()}
        return named


def _one_core_each() -> None:
    """Of a lane's thread: blocks are parallel already."""
    torch.set_num_threads(1)


def _cuts(count: int, parts: int) -> list[tuple[int, int]]:
    """`count` rows in at most `parts` runs of even length, as [lo, hi)."""
    edges = np.linspace(0, count, min(parts, count) + 1).round().astype(int).tolist()
    return list(pairwise(edges))


def _together(logged: list[Logged]) -> Logged:
    """Blocks side by side. A penalty that no run of a block has is zero there."""
    names = dict.fromkeys(name for _, metrics, _ in logged for name in metrics)
    metrics: dict[str, list[float]] = {
        name: [x for rows, m, _ in logged for x in m.get(name, [0.0] * len(rows))] for name in names
    }
    rows = tuple(row for part, _, _ in logged for row in part)
    return rows, metrics, [stop for _, _, stops in logged for stop in stops]
