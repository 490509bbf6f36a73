"""From runs to cohorts, and what they will cost. Arithmetic only: no tensors, no database.

Runs share a cohort when they can share tensors: the same network, loss, optimizer, minibatch size
and number of epochs, whatever their knobs, replicates and regularizers. A cohort is cut so that
its peak memory fits.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core.datasets import DatasetFacts, Field, Protocol, sizes
from core.network import Network, build, noise_of
from core.regularizers import Regularizer
from core.regularizers.passes import Augmentation, Regradient
from core.regularizers.regularizer import Procedure
from core.spec.experiment import Experiment
from core.term import Task, structure

RUNS_PER_COHORT_MAX = 512  # beyond this nothing gets faster, and a lost worker loses more
BYTES = 4  # float32
ROW_COPIES = 8  # of a run: weights, gradient, a watch, three of ended runs, two of temporaries
ANEW_ROWS = 2  # where a gradient is taken anew: the weights before, and a gradient to spare
ANEW_INPUTS = 3  # and of a minibatch: moved inputs, their gradient, and the ones before
PLAIN_NUMBERS = 8  # of one example, beside its outputs: targets, losses, a metric's rows
OUTPUT_COPIES = 3  # of a part: as scored, as probabilities, and a metric's temporaries
COPIES_BYTES_MAX = 256 * 2**20
"""Features scaled beforehand, once for each distinct training part, may take this much; beyond it
the data lies on the device once, and every minibatch is scaled as it is gathered."""
SCALING_BYTES_MAX = 64 * 2**20  # while the data is scaled, some rows at a time; the heap keeps it
CHUNK_NUMBERS = 2**22  # activations of one layer in a chunk of a part: 16 MB, near the caches
FLOPS_PER_S_CPU = 2.5e10  # seen on two cores with small matrices; estimates only
STEP_OVERHEAD_S = 4e-4  # Python and kernel launches of one training step, any cohort


@dataclass(frozen=True)
class CohortPlan:
    """Runs (by their place in the job) that train together, in row order."""

    runs: tuple[int, ...]
    parameters: int
    memory_bytes: int
    epochs: int
    time_s: float


@dataclass(frozen=True)
class Shapes:
    """What the arithmetic needs to know of a dataset."""

    task: Task
    examples: int
    inputs: tuple[Field, ...]
    classes: int
    targets: int
    train_examples: int
    replicates: int = 1  # of the job; each may train on a part of its own

    @classmethod
    def of(cls, facts: DatasetFacts, protocol: Protocol) -> Shapes:
        """From what is known before the data is loaded; the training part within a few."""
        way = protocol.split.way(grouped=facts.groups > 0, ordered=facts.ordered)
        train, _, _ = sizes(facts.examples, protocol, ordered=way == "time")
        return cls(
            task=facts.task,
            examples=facts.examples,
            inputs=facts.inputs,
            classes=len(facts.classes),
            targets=facts.outputs,
            train_examples=max(1, train),
            replicates=protocol.count,
        )


def network_of(experiment: Experiment, shapes: Shapes, *others: Experiment) -> Network:
    """The network of one run beside others. Raises ValueError, a sentence, where shapes misfit."""
    noise = noise_of(*(e.regularizers for e in (experiment, *others)))
    outputs = experiment.loss.outputs(shapes.classes, shapes.targets)
    return build(experiment.architecture, shapes.inputs, outputs, noise=noise)


def plan(
    experiments: Sequence[Experiment],
    shapes: Shapes,
    *,
    memory_bytes: int,
    runs_max: int = RUNS_PER_COHORT_MAX,
) -> list[CohortPlan]:
    """Cut runs into cohorts, in the order of their first run. One experiment per run."""
    groups: dict[Hashable, list[int]] = {}
    keys: dict[int, Hashable] = {}  # runs of one setting share their experiment object
    for index, experiment in enumerate(experiments):
        key = keys.get(id(experiment))
        if key is None:
            key = keys[id(experiment)] = signature(experiment)
        groups.setdefault(key, []).append(index)
    cohorts = []
    for members in groups.values():
        some = [experiments[i] for i in members]
        network = network_of(some[0], shapes, *some[1:])
        need = Need.of(some[0], network, shapes, *some[1:])
        parts = _parts(need, len(members), memory_bytes, runs_max)
        cuts = [len(members) * part // parts for part in range(parts + 1)]  # even: no straggler
        for start, stop in pairwise(cuts):
            runs = tuple(members[start:stop])
            passes = sum(_passes(experiments[run]) for run in runs) / len(runs)
            time_s = seconds(some[0], network, shapes, len(runs), passes=passes)
            cohorts.append(
                CohortPlan(runs, network.parameters, need.bytes(len(runs)), some[0].epochs, time_s)
            )
    return cohorts


def signature(experiment: Experiment) -> Hashable:
    """Equal for experiments that may share a cohort."""
    return (
        structure(experiment.architecture),
        structure(experiment.loss),
        structure(experiment.optimizer),
        experiment.epochs,
        experiment.batch_size,
        experiment.evaluate_every,
    )


def _parts(need: Need, runs: int, memory_bytes: int, runs_max: int) -> int:
    """Into how many cohorts, even in length, so that each fits; of one run each if none does."""
    for parts in range(math.ceil(runs / runs_max), runs):
        if all(need.bytes(length) <= memory_bytes for length in {runs // parts, -(-runs // parts)}):
            return parts
    return runs


@dataclass(frozen=True)
class Need:
    """Peak memory of a cohort, in bytes.

    features: the data itself, and each copy of it that a training part scales.
    shared: what all runs share of a minibatch, and what scaling takes on the way.
    lasting: of each run, while it trains.
    training, scoring: of each run, one after the other: of a minibatch, and of a whole part, in
    chunks of `chunk` at most for all runs together.
    """

    features: int
    replicates: int
    shared: int
    lasting: int
    training: int
    scoring: int
    chunk: int

    @classmethod
    def of(
        cls, experiment: Experiment, network: Network, shapes: Shapes, *others: Experiment
    ) -> Need:
        """Of a cohort of these, the first of which stands for what they share."""
        inputs = sum(field.numbers for field in shapes.inputs)
        own = 0 if shapes.replicates == 1 else inputs  # else all see the same examples
        terms = _regularizers(experiment, *others)
        if any(isinstance(r, Augmentation) for r in terms):
            own += inputs
        anew = any(isinstance(r, Regradient) for r in terms)
        widths = [math.prod(n.shape_out) for n in network.nodes if not n.layer.is_view]
        flowing = own + 2 * max(widths, default=0)
        watches = sum(isinstance(r, Procedure) for r in terms)
        kept = sum(state.size != "scalar" for r in terms for state in r.states())
        rows = ROW_COPIES + len(experiment.optimizer.states()) + watches + kept
        rows += ANEW_ROWS * anew
        outputs = shapes.train_examples * (OUTPUT_COPIES * network.outputs + PLAIN_NUMBERS)
        outputs += (shapes.examples - shapes.train_examples) * (network.outputs + PLAIN_NUMBERS)
        batch, features = minibatch(experiment, shapes), BYTES * shapes.examples * inputs
        return cls(
            features=features,
            replicates=shapes.replicates,
            shared=min(2 * features, SCALING_BYTES_MAX)
            + (0 if own else 2 * BYTES * batch * inputs),
            lasting=BYTES * (rows * network.size + outputs) + 4096,
            # own: and the one before
            training=BYTES * batch * (own + ANEW_INPUTS * inputs * anew + flowing + sum(widths)),
            scoring=BYTES * shapes.examples * flowing,
            chunk=BYTES * CHUNK_NUMBERS * flowing // network.width,
        )

    def bytes(self, runs: int) -> int:
        """Of a cohort of so many runs."""
        streams = min(runs, self.replicates)
        copies = streams if streams * self.features <= COPIES_BYTES_MAX else 0
        passing = max(self.training * runs, min(self.scoring * runs, self.chunk))
        return self.features * (1 + copies) + self.shared + self.lasting * runs + passing


def minibatch(experiment: Experiment, shapes: Shapes) -> int:
    """Examples per optimizer step."""
    if experiment.batch_size == "full":
        return shapes.train_examples
    return min(int(experiment.batch_size), shapes.train_examples)


def _regularizers(*experiments: Experiment) -> list[Regularizer]:
    """One of each structure: every run of a cohort has room for what any of them keeps."""
    different = {id(e): e for e in experiments}  # runs of one setting share their experiment
    return list({structure(r): r for e in different.values() for r in e.regularizers}.values())


def _passes(experiment: Experiment) -> int:
    """Passes forward and back that regularizers add to a step."""
    return sum(r.passes for r in experiment.regularizers if isinstance(r, Regradient))


def seconds(
    experiment: Experiment, network: Network, shapes: Shapes, runs: int, *, passes: float = 0
) -> float:
    """A rough time on a CPU: three forward passes' worth per step, one per evaluation.

    Of a step that takes so many `passes` more, of all runs on average.
    """
    steps = experiment.epochs * math.ceil(shapes.train_examples / minibatch(experiment, shapes))
    trained = 3 * (1 + passes) * shapes.train_examples * experiment.epochs
    scored = (shapes.examples - shapes.train_examples) * experiment.epochs
    flops = runs * network.flops * (trained + scored / experiment.evaluate_every)
    return steps * (1 + passes) * STEP_OVERHEAD_S + flops / FLOPS_PER_S_CPU
