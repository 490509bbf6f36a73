"""A cohort's program: one network, and every hyper-parameter stacked to a tensor of shape (R,).

Regularizers become *slots*: one for each kind, structure and scope that any run has. A slot acts on
the exact segments of rows whose runs have it: it neither touches nor costs a run between them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

import numpy as np
import torch

from core.datasets import DatasetFacts
from core.network import Network, Place, build, noise_of
from core.regularizers import Regularizer
from core.regularizers.passes import Augmentation, Average, GradientChange, Regradient
from core.regularizers.regularizer import (
    Constraint,
    Decay,
    Noise,
    Penalty,
    Procedure,
    Target,
)
from core.spec.experiment import Experiment
from core.stack import Span, Stack, segments
from core.term import Knobs, structure
from core.train.cohort import Cohort

R = TypeVar("R", bound=Regularizer)
R_co = TypeVar("R_co", bound=Regularizer, covariant=True)


@dataclass(frozen=True)
class Slot(Generic[R]):
    """One regularizer of the cohort: `label` names its metrics."""

    label: str
    term: R
    stack: Stack
    has: np.ndarray  # (R,) bool, by row of the whole cohort
    node: int | None  # the layer it is limited to

    def segments(self, rows: Sequence[int]) -> tuple[Span, ...]:
        """Where, among these rows of the cohort, runs have it; their knobs become the stack's."""
        self.stack.select(rows)
        return segments(self.has[np.asarray(rows, np.int64)])


@dataclass(frozen=True)
class Acting(Generic[R_co]):
    """A slot on one segment of the rows now training; every run in it has the term."""

    label: str
    term: R_co
    rows: slice
    span: slice  # of a run's row, what the term acts on
    places: tuple[Place, ...]  # the weight tensors among that
    knobs: Knobs


class Program:
    """What all runs of a cohort do, and with which numbers."""

    def __init__(self, cohort: Cohort, facts: DatasetFacts, device: torch.device) -> None:
        experiments = [run.experiment for run in cohort.runs]
        first = experiments[0]
        self.epochs, self.evaluate_every = first.epochs, first.evaluate_every
        self.loss, self.optimizer, self.batch_size = first.loss, first.optimizer, first.batch_size
        outputs = self.loss.outputs(len(facts.classes), facts.outputs)
        noise = noise_of(*(e.regularizers for e in experiments))
        networks = [build(e.architecture, facts.inputs, outputs, noise=noise) for e in experiments]
        self.network: Network = networks[0]
        self.schedules = [e.schedule for e in experiments]
        self.losses = Stack([e.trained_loss for e in experiments], device)
        self.optimizers = Stack([e.optimizer for e in experiments], device)
        noises = {term: _noises(experiments, term) for term in noise}
        self.layers = [
            Stack([n.nodes[i].layer for n in networks] if term is None else noises[term], device)
            for i, term in enumerate(node.noise for node in self.network.nodes)
        ]
        self.slots = _slots(experiments, networks, device)
        self.select(range(len(experiments)))

    def fork(self) -> Program:
        """Another of the same cohort, that can serve other rows at the same time."""
        twin = copy(self)
        twin.losses, twin.optimizers = copy(self.losses), copy(self.optimizers)
        twin.layers = [copy(stack) for stack in self.layers]
        twin.slots = [replace(slot, stack=copy(slot.stack)) for slot in self.slots]
        return twin

    def select(self, rows: Sequence[int]) -> None:
        """Keep only these rows of the cohort from now on."""
        for stack in (self.losses, self.optimizers, *self.layers):
            stack.select(rows)
        self.penalties = list(self._acting(Penalty, rows))
        self.decays = list(self._acting(Decay, rows))
        self.constraints = list(self._acting(Constraint, rows))
        self.procedures = list(self._acting(Procedure, rows))
        self.proximal = [at for at in self.penalties if at.term.proximal]
        self.augmentations = self._in_order(Augmentation, rows)
        self.regradients = self._in_order(Regradient, rows)
        self.gradient_changes = self._in_order(GradientChange, rows)
        self.averages = self._in_order(Average, rows)

    @property
    def passes(self) -> bool:
        """Whether a step is more than forward, back and an update, for any of these runs."""
        return bool(
            self.augmentations or self.regradients or self.gradient_changes or self.averages
        )

    def states(self) -> dict[str, int]:
        """`<slot>/<name>` -> numbers that the slot's term keeps for each run of the cohort."""
        sizes = {"trained": self.network.trained, "row": self.network.size, "scalar": 1}
        return {
            f"{slot.label}/{state.name}": sizes[state.size]
            for slot in self.slots
            for state in slot.term.states()
        }

    def slots_of(self, hook: type[R]) -> list[Slot[R]]:
        """The slots of one hook."""
        return [cast("Slot[R]", slot) for slot in self.slots if isinstance(slot.term, hook)]

    def _acting(self, hook: type[R], rows: Sequence[int]) -> Iterator[Acting[R]]:
        for slot in self.slots_of(hook):
            span, places = self._scope(slot)
            for lo, hi in slot.segments(rows):
                at = slice(lo, hi)
                yield Acting(slot.label, slot.term, at, span, places, slot.stack.knobs.of(at))

    def _in_order(self, hook: type[R], rows: Sequence[int]) -> list[Acting[R]]:
        """Of hooks that do not commute: one order, whatever the neighbours and the job's lists."""
        return sorted(self._acting(hook, rows), key=lambda at: at.label)

    def _scope(self, slot: Slot[R]) -> tuple[slice, tuple[Place, ...]]:
        """The part of a run's row that the slot acts on, and the weight tensors in it."""
        every = self.network.weights()
        if slot.node is None:
            biases = isinstance(slot.term, Penalty) and slot.term.biases
            return slice(*self.network.slice_of("bias" if biases else "weight")), every
        places = tuple(place for place in every if place.node == slot.node)
        return slice(places[0].start, places[-1].stop), places


def _noises(experiments: Sequence[Experiment], like: Noise) -> list[Regularizer | None]:
    """The noise of one kind and structure, of each run that has it."""
    wanted = structure(like)
    return [
        next((r for r in e.regularizers if isinstance(r, Noise) and structure(r) == wanted), None)
        for e in experiments
    ]


def _slots(
    experiments: Sequence[Experiment], networks: Sequence[Network], device: torch.device
) -> list[Slot[Regularizer]]:
    members: dict[tuple[Hashable, Hashable, int], list[Regularizer | None]] = {}
    scopes: dict[Hashable, int | None] = {}
    for row, (experiment, network) in enumerate(zip(experiments, networks, strict=True)):
        placed: list[tuple[int | None, Regularizer]] = [
            (None, r) for r in experiment.regularizers if not isinstance(r, Target | Noise)
        ]
        for index, node in enumerate(network.nodes):
            placed += [(index, r) for r in getattr(node.layer, "regularizers", ())]
        seen: dict[Hashable, int] = {}
        for node_index, term in placed:
            key = (node_index, structure(term))
            seen[key] = seen.get(key, 0) + 1
            slot = (*key, seen[key])  # the same penalty twice in one run is two slots
            scopes[slot] = node_index
            members.setdefault(slot, [None] * len(experiments))[row] = term
    found = [
        Slot(
            _label(terms, scopes[key], key[-1], networks[0]),
            next(t for t in terms if t is not None),
            Stack(terms, device),
            np.array([t is not None for t in terms]),
            scopes[key],
        )
        for key, terms in members.items()
    ]
    assert len({slot.label for slot in found}) == len(found), "states and metrics go by labels"
    return found


def _label(
    terms: Sequence[Regularizer | None], node: int | None, count: int, network: Network
) -> str:
    """`l1`, `l1@dense_1` for a layer's own, `l1:subgradient`, `l1#2` for a run's second.

    From the term itself, never from its neighbours: a metric has one name in all cohorts.
    """
    term = next(t for t in terms if t is not None)
    fields = type(term).model_fields
    knobs = {name for name, knob in type(term).knobs().items() if not knob.structural}
    unusual = [
        str(value) if isinstance(value, str) else f"{name}={value}".lower()
        for name in fields
        if name not in knobs and (value := getattr(term, name)) != fields[name].default
    ]
    name = ":".join([term.kind, *unusual])
    name = name if node is None else f"{name}@{network.nodes[node].name}"
    return name if count == 1 else f"{name}#{count}"
