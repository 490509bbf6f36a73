"""The hooks of a training step, on the segments of a block's rows whose runs have them.

Made for a block only where one of its runs has such a term: a step of the others is as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import torch

from core.layers.layer import Drawn, Shape
from core.network.run import Model
from core.regularizers import Regularizer
from core.regularizers.passes import Augmentation, Minibatch, Moment, Targets
from core.stack import Span
from core.term import Knobs
from core.train.data import Batch
from core.train.given import Given
from core.train.program import Acting, Program
from core.train.randomness import normals, uniforms

if TYPE_CHECKING:
    from core.train.block import Block

States = Mapping[str, torch.Tensor]
"""`<slot>/<name>` -> what the slot's term keeps, (R, n)."""


class Hooks:
    """Calls the hooks of a block, each with its own rows and state."""

    def __init__(self, block: Block, states: States) -> None:
        self._block, self._states = block, states
        self._augmented = list(_augmented(block.program))
        self._passes = {
            (rows.start, rows.stop): SegmentPass(block, self, rows)
            for rows in (
                *(at.rows for at in block.program.regradients),
                *(at.rows for at in block.program.gradient_changes),
            )
        }
        self.given: Given
        self.moment: Moment

    def begin(self, epoch: int, steps_S: Sequence[int], index: int) -> None:
        """Step `index` (from 0) of an epoch that has so many of each stream."""
        block = self._block
        last: bool | torch.Tensor = index + 1 == steps_S[0]
        if len(set(steps_S)) > 1:
            last = block.feed.per_run([index + 1 == steps for steps in steps_S])[:, None] > 0
        self.moment = Moment(epoch, block.program.epochs, block.t, last)

    def on_batch(self, batch: Batch) -> Given:
        """The minibatch as each run is given it."""
        given, others = dict(batch.inputs), list[tuple[Span, Targets]]()
        for (lo, hi), terms in self._augmented:
            present_RB = None if batch.present_RB is None else batch.present_RB[lo:hi]
            inputs = {name: x_RB[lo:hi] for name, x_RB in batch.inputs.items()}
            targets = [(None, batch.y_RB[lo:hi])]
            seen = Minibatch(inputs, targets, present_RB, self._block.feed.classes)
            for term, knobs in terms:
                draw = SegmentDraw(self._block, batch, term.kind, (lo, hi))
                seen = term.on_batch(seen, draw, knobs)
            for name, x_RB in inputs.items():
                if seen.inputs[name] is not x_RB:
                    if given[name] is batch.inputs[name]:  # a view that runs of a stream share
                        given[name] = given[name].clone(memory_format=torch.contiguous_format)
                    given[name][lo:hi] = seen.inputs[name]
            if seen.targets is not targets:
                others.append(((lo, hi), seen.targets))
        self.given = Given(replace(batch, inputs=given), tuple(others))
        return self.given

    def regradient(self) -> None:
        """From the data term's gradient to the one that these runs train by."""
        for at in self._block.program.regradients:
            at.term.regradient(self._pass(at), _own(at, self._states), at.knobs)

    def on_gradient(self) -> None:
        """From the gradient of J's smooth part to what the optimizer is given."""
        for at in self._block.program.gradient_changes:
            at.term.on_gradient(self._pass(at), _own(at, self._states), at.knobs)

    def after_step(self) -> None:
        """Let averages follow the weights."""
        for at in self._block.program.averages:
            moment = moment_of(self.moment, at.rows)
            at.term.after_step(self._block.w[at.rows], _own(at, self._states), moment, at.knobs)

    def _pass(self, at: Acting[Regularizer]) -> SegmentPass:
        return self._passes[at.rows.start, at.rows.stop]


class SegmentPass:
    """A segment's step, while it is taken (`core.regularizers.passes.Pass`)."""

    def __init__(self, block: Block, hooks: Hooks, rows: slice) -> None:
        self._block, self._hooks, self._rows = block, hooks, rows
        self.w = block.w[rows, : block.program.network.trained]
        self.grad = block.grad[rows]

    @property
    def inputs(self) -> Mapping[str, torch.Tensor]:
        given = self._hooks.given.batch.inputs
        return {name: x_RB[self._rows] for name, x_RB in given.items()}

    @property
    def moment(self) -> Moment:
        return moment_of(self._hooks.moment, self._rows)

    def gradient(self, inputs: Mapping[str, torch.Tensor] | None = None) -> None:
        self._run(self._to_weights, inputs)

    def input_gradient(
        self, inputs: Mapping[str, torch.Tensor] | None = None
    ) -> Mapping[str, torch.Tensor]:
        return self._run(self._to_inputs, inputs)

    def _run(
        self, model: Model, inputs: Mapping[str, torch.Tensor] | None
    ) -> Mapping[str, torch.Tensor]:
        """Forward and back, with the draws of the first pass, whose running statistics stay."""
        program, given = self._block.program, self._hooks.given
        rows, present_RB = self._rows, given.batch.present_RB
        inputs = self.inputs if inputs is None else inputs
        buffers = self._block.w[rows, program.network.trained :]
        before = buffers.clone()
        output, pull = model.vjp(
            inputs, self._layers, self._draw, None if present_RB is None else present_RB[rows]
        )
        _, slope = given.loss(program.loss, output, self._block.loss_knobs.of(rows), rows)
        slopes = pull(slope)
        buffers.copy_(before)
        return slopes

    def _draw(self, node: int, shape: Shape, spans: Sequence[Span]) -> Iterator[Drawn]:
        first = self._rows.start
        theirs = [(lo + first, hi + first) for lo, hi in spans]
        for rows, drawn in self._block.draws(self._hooks.given.batch)(node, shape, theirs):
            yield slice(rows.start - first, rows.stop - first), drawn

    @cached_property
    def _layers(self) -> list[Layer]:
        lo, hi = self._rows.start, self._rows.stop
        return [
            Layer(
                stack.knobs.of(self._rows),
                [(max(a, lo) - lo, min(b, hi) - lo) for a, b in stack.acting if a < hi and b > lo],
            )
            for stack in self._block.program.layers
        ]

    @cached_property
    def _to_weights(self) -> Model:
        network = self._block.program.network
        return Model(network, self._block.w[self._rows], self.grad)

    @cached_property
    def _to_inputs(self) -> Model:
        """With a gradient of its own, which nobody reads: layers write both or neither."""
        network, spare = self._block.program.network, torch.zeros_like(self.grad)
        return Model(network, self._block.w[self._rows], spare, to_inputs=True)


@dataclass(frozen=True)
class Layer:
    """A layer's knobs for the runs of a segment, and where in it they act."""

    knobs: Knobs
    acting: Sequence[Span]


@dataclass(frozen=True)
class SegmentDraw:
    """What a term draws for the rows [lo, hi) of a block (`core.regularizers.passes.Draw`)."""

    block: Block
    batch: Batch
    kind: str
    span: Span

    def uniform(self, name: str, *shape: int) -> torch.Tensor:
        return self._to_runs(self._of_streams(name, shape))

    def normal(self, name: str, *shape: int) -> torch.Tensor:
        feed, batch = self.block.feed, self.batch
        whole, purpose = (batch.examples, *shape), self._purpose(name)
        device = self.block.w.device
        return self._to_runs(
            normals(feed.seeds(), purpose, self.block.steps, whole, device, batch.counts)
        )

    def once(self, name: str) -> torch.Tensor:
        feed, device = self.block.feed, self.block.w.device
        drawn = uniforms(feed.seeds(), self._purpose(name), self.block.steps, (1,), device)
        return self._to_runs(drawn)[:, 0]

    def order(self, name: str) -> torch.Tensor:
        drawn_SB = self._of_streams(name, ())
        if self.batch.counts is not None:
            for row, count in zip(drawn_SB, self.batch.counts, strict=True):
                row[count:] = 2.0  # above any draw, and a stable sort keeps equals in place
        return self._to_runs(drawn_SB.argsort(dim=1, stable=True))

    def _of_streams(self, name: str, shape: Shape) -> torch.Tensor:
        feed, batch = self.block.feed, self.batch
        whole, purpose = (batch.examples, *shape), self._purpose(name)
        device = self.block.w.device
        return uniforms(feed.seeds(), purpose, self.block.steps, whole, device, batch.counts)

    def _purpose(self, name: str) -> str:
        return f"batch/{self.kind}/{name}"

    def _to_runs(self, drawn_S: torch.Tensor) -> torch.Tensor:
        return self.block.feed.to_runs(drawn_S, *self.span)


def hooks_of(block: Block, states: States) -> Hooks | None:
    """None where no run of the block has a term that acts in a step."""
    return Hooks(block, states) if block.program.passes else None


def reported(program: Program, w_RP: torch.Tensor, states: States) -> torch.Tensor:
    """The rows that the program's runs report: `w_RP` itself where none keeps an average."""
    if not program.averages:
        return w_RP
    rows_RP = w_RP.clone()
    for at in program.averages:
        rows_RP[at.rows] = at.term.reported(w_RP[at.rows], _own(at, states), at.knobs)
    return rows_RP


def moment_of(moment: Moment, rows: slice) -> Moment:
    """As some of the rows see it."""
    step, last = moment.step, moment.last
    return replace(
        moment,
        step=step[rows] if isinstance(step, torch.Tensor) else step,
        last=last[rows] if isinstance(last, torch.Tensor) else last,
    )


def _own(at: Acting[Regularizer], states: States) -> States:
    """A term's own states, of its rows."""
    return {s.name: states[f"{at.label}/{s.name}"][at.rows] for s in at.term.states()}


def _augmented(program: Program) -> Iterator[tuple[Span, list[tuple[Augmentation, Knobs]]]]:
    """The longest spans of rows that have the same augmentations, and those in their order."""
    found = program.augmentations
    edges = sorted({edge for at in found for edge in (at.rows.start, at.rows.stop)})
    for lo, hi in pairwise(edges):
        terms = [
            (at.term, at.knobs.of(slice(lo - at.rows.start, hi - at.rows.start)))
            for at in found
            if at.rows.start <= lo and hi <= at.rows.stop
        ]
        if terms:
            yield (lo, hi), terms
