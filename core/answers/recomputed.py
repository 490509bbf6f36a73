"""What stored weights say of the rows that test them: the answers that were not kept.

All runs of a cohort go through the network together, as when they were scored at the end of their
training, with the same arithmetic: what comes out is what would have been stored, to a rounding of
float32, and the same again each time on one machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.answers.answered import Batch, answered
from core.answers.gathered import Answers, Tested
from core.datasets import Dataset, DatasetFacts, Protocol, Replicate
from core.datasets.fields import FITTED, TARGET
from core.datasets.splits import Parts, padded, parts_of, sizes, units_of
from core.metrics import Metric
from core.network import Network, build
from core.network.predict import evaluated, fitted
from core.plan import CHUNK_NUMBERS, FLOPS_PER_S_CPU
from core.rows import Real, RowScores
from core.spec import Experiment
from core.stack import Stack
from core.tensors import torch
from core.term import Knobs

Numbers = NDArray[Any]  # Any: classes are whole numbers, values are not


@dataclass(frozen=True)
class Trained:
    """Runs of one cohort, which share a network's shapes."""

    experiments: Sequence[Experiment]
    replicates: Sequence[Replicate]

    def network(self, facts: DatasetFacts) -> Network:
        """Of all of them. ValueError where the data does not fit."""
        first = self.experiments[0]
        outputs = first.loss.outputs(len(facts.classes), facts.outputs)
        return build(first.architecture, facts.inputs, outputs)


def seconds(trained: Trained, facts: DatasetFacts, protocol: Protocol) -> float:
    """A rough time of `recomputed` on a CPU: one forward pass of every run over a test part."""
    way = protocol.split.way(grouped=facts.groups > 0, ordered=facts.ordered)
    _, _, rows = sizes(facts.examples, protocol, ordered=way == "time")
    flops = trained.network(facts).flops * rows * len(trained.experiments)
    return flops / FLOPS_PER_S_CPU


def recomputed(
    trained: Trained,
    tensors: Mapping[str, Real],
    dataset: Dataset,
    protocol: Protocol,
    *,
    chosen: str,
    bytes_max: float,
) -> RowScores | None:
    """As the cohort would have stored of these runs within bytes_max; None where nothing fits.

    tensors: their reported weights, (R, …) each, by `<layer>/<parameter>` and `standardize/…`.
    chosen: the kind of metric that the job chooses by. ValueError: the data cannot be divided so.
    """
    streams = list(dict.fromkeys(trained.replicates))
    stream_R = np.array([streams.index(replicate) for replicate in trained.replicates], np.int64)
    divided = parts_of(dataset, protocol, streams)
    parts = [divided[replicate] for replicate in streams]
    index_SN, there_SN = padded([part.test for part in parts])
    first_S = [trained.replicates.index(replicate) for replicate in streams]
    scales = {n: v[first_S] for n, v in tensors.items() if n.startswith(FITTED)}
    target_SN = fitted(dataset.targets[index_SN], TARGET, scales, streams=True)
    network, task = trained.network(dataset.facts), dataset.facts.task
    metrics = [m.model_validate({}) for m in Metric.members().values() if task in m.tasks]
    answers = Answers(
        Tested(
            np.where(there_SN, index_SN, -1),
            np.where(_along(there_SN, target_SN), target_SN, -1 if _whole(target_SN) else np.nan),
            stream_R.tolist(),
            units_of(dataset, protocol.split),
        ),
        trained.experiments[0].loss,
        network.outputs,
        metrics,
        chosen=chosen,
        bytes_max=bytes_max,
    )
    if answers.nothing:
        return None
    whole = there_SN.all()
    stacked = {name: torch.from_numpy(value) for name, value in tensors.items()}

    def batches() -> Iterator[Batch]:
        size = max(64, CHUNK_NUMBERS // (len(stream_R) * network.width))
        for start in range(0, index_SN.shape[1], size):
            cut = slice(start, start + size)
            present_RB = None if whole else _runs(there_SN[:, cut].astype(np.float32), stream_R)
            given = {
                name: _runs(fitted(x[index_SN[:, cut]], name, scales, streams=True), stream_R)
                for name, x in dataset.inputs.items()
            }
            output_RBO = evaluated(network, stacked, given)
            yield output_RBO, _runs(target_SN[:, cut], stream_R), present_RB

    with torch.no_grad():
        loss, knobs = trained.experiments[0].loss, _loss_knobs(trained, dataset, parts, stream_R)
        part = answered(batches(), index_SN.shape[1], loss, knobs, probabilities=True)
        answers.take(0, len(stream_R), part)
    return answers.scores()


def _loss_knobs(
    trained: Trained, dataset: Dataset, parts: Sequence[Parts], stream_R: NDArray[np.int64]
) -> Knobs:
    stack = Stack([e.trained_loss for e in trained.experiments], torch.device("cpu"))
    loss, classes = trained.experiments[0].loss, len(dataset.facts.classes)
    constants = [loss.constants(dataset.targets[part.train], classes) for part in parts]
    stacked = {name: np.stack([of[name] for of in constants]) for name in constants[0]}
    added = {name: _runs(value, stream_R) for name, value in stacked.items()}
    return Knobs({**vars(stack.knobs), **added}, idle=not stack.acting)


def _runs(value_S: Numbers, stream_R: NDArray[np.int64]) -> torch.Tensor:
    """(S, …) per stream to (R, …) per run; a view where all runs share one."""
    value = torch.from_numpy(np.ascontiguousarray(value_S))
    if len(value) == 1:
        return value.expand(len(stream_R), *value.shape[1:])
    return value.index_select(0, torch.from_numpy(stream_R))


def _along(there_SN: NDArray[np.bool_], value_SN: Numbers) -> NDArray[np.bool_]:
    return there_SN.reshape(*there_SN.shape, *[1] * (value_SN.ndim - 2))


def _whole(value_SN: Numbers) -> bool:
    return value_SN.dtype.kind == "i"
