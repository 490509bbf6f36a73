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

from core.datasets import DatasetFacts, Protocol, sizes
from core.network import Network, build, noise_of
from core.spec.experiment import Experiment
from core.term import Task, structure

RUNS_PER_COHORT_MAX = 512  # beyond this nothing gets faster, and a lost worker loses more
BYTES = 4  # float32
ROW_COPIES = 9  # weights, gradient, two watches, three of ended runs, two of temporaries
ACTIVATION_COPIES = 3  # forward, its gradient, temporaries
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
    shape: tuple[int, ...]
    classes: int
    targets: int
    train_examples: int

    @classmethod
    def of(cls, facts: DatasetFacts, protocol: Protocol) -> Shapes:
        """From what is known before the data is loaded; the training part within a few."""
        way = protocol.split.way(grouped=facts.groups > 0, ordered=facts.ordered)
        train, _, _ = sizes(facts.examples, protocol, ordered=way == "time")
        return cls(
            task=facts.task,
            examples=facts.examples,
            shape=facts.shape,
            classes=len(facts.classes),
            targets=facts.outputs,
            train_examples=max(1, train),
        )


def network_of(experiment: Experiment, shapes: Shapes, *others: Experiment) -> Network:
    """The network of one run beside others. Raises ValueError, a sentence, where shapes misfit."""
    noise = noise_of(*(e.regularizers for e in (experiment, *others)))
    outputs = experiment.loss.outputs(shapes.classes, shapes.targets)
    return build(experiment.architecture, shapes.shape, outputs, noise=noise)


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
        each = run_bytes(some[0], network, shapes)
        fit = max(1, min(runs_max, memory_bytes // each))
        parts = math.ceil(len(members) / fit)
        cuts = [len(members) * part // parts for part in range(parts + 1)]  # even: no straggler
        for start, stop in pairwise(cuts):
            runs = tuple(members[start:stop])
            time_s = seconds(some[0], network, shapes, len(runs))
            cohorts.append(
                CohortPlan(runs, network.parameters, each * len(runs), some[0].epochs, time_s)
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


def run_bytes(experiment: Experiment, network: Network, shapes: Shapes) -> int:
    """Peak memory that one run adds to a cohort."""
    rows = ROW_COPIES + len(experiment.optimizer.states())
    batch = minibatch(experiment, shapes)
    activations = ACTIVATION_COPIES * batch * network.activations
    outputs = 2 * shapes.examples * network.outputs
    return BYTES * (rows * network.size + activations + outputs) + 4096


def minibatch(experiment: Experiment, shapes: Shapes) -> int:
    """Examples per optimizer step."""
    if experiment.batch_size == "full":
        return shapes.train_examples
    return min(int(experiment.batch_size), shapes.train_examples)


def seconds(experiment: Experiment, network: Network, shapes: Shapes, runs: int) -> float:
    """A rough time on a CPU: three forward passes' worth per step, one per evaluation."""
    steps = experiment.epochs * math.ceil(shapes.train_examples / minibatch(experiment, shapes))
    trained = 3 * shapes.train_examples * experiment.epochs
    scored = (shapes.examples - shapes.train_examples) * experiment.epochs
    flops = runs * network.flops * (trained + scored / experiment.evaluate_every)
    return steps * STEP_OVERHEAD_S + flops / FLOPS_PER_S_CPU
