"""Scores of a cohort's runs on whole parts of the data, in evaluation mode."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import torch

from core.answers.answered import Answered, Batch, answered
from core.metrics import Metric
from core.metrics.metric import mean_present
from core.network.run import Model
from core.plan import CHUNK_NUMBERS
from core.term import Knobs
from core.train.data import Feed, Part
from core.train.program import Program


@dataclass(frozen=True)
class Scored:
    """A part as the runs of a block score on it: (R,) by wire name, and the answers behind it."""

    values: Mapping[str, torch.Tensor]
    answered: Answered


def metrics_for(task: str, classes: int, asked: Collection[str], *, final: bool) -> list[Metric]:
    """The metrics that a task has, by name: those `asked` for, and those for every epoch.

    At the end also the others, but what is too dear unasked.
    """
    fitting = [m.model_validate({}) for m in Metric.members().values() if task in m.tasks]
    return [
        m for m in fitting if m.kind in asked or (not m.dear(classes) if final else m.every_epoch)
    ]


def direction_of(name: str) -> str:
    """`max` or `min` for a metric's wire name such as val_accuracy."""
    kind = kind_of(name)
    return "min" if kind == "loss" else Metric.members()[kind].direction


def kind_of(name: str) -> str:
    """`accuracy` for a metric's wire name such as val_accuracy."""
    return name.partition("_")[2]


@torch.no_grad()
def score(
    part: Part,
    model: Model,
    feed: Feed,
    program: Program,
    metrics: Sequence[Metric],
    loss_knobs: Knobs,
) -> Scored:
    """One forward pass over a part, in evaluation mode."""
    length = feed.length(part)
    # of all runs of the cohort: a chunk's size decides last bits, so blocks must not
    size = max(64, CHUNK_NUMBERS // (len(feed.stream_of_run) * model.network.width))

    def answer(start: int) -> Batch:  # a function, so that no chunk outlives the next one's start
        chunk = feed.chunk(part, start, start + size)
        return model.forward(chunk.inputs, program.layers), chunk.y_RB, chunk.present_RB

    found = answered(
        (answer(start) for start in range(0, length, size)),
        length,
        program.loss,
        loss_knobs,
        probabilities=any(not m.every_epoch for m in metrics),
    )
    loss_R = mean_present(found.loss_RN, found.present_RN)
    values = {f"{part}_loss": loss_R}
    for metric in metrics:
        value_R = metric.value(
            found.output_RNO, found.target_RN, found.present_RN, found.probability_RNC
        )
        # a diverged run decides nothing, though an argmax of NaN names a class
        values[f"{part}_{metric.kind}"] = torch.where(torch.isnan(loss_R), loss_R, value_R)
    return Scored(values, found)


@torch.no_grad()
def terms(w_AT: torch.Tensor, program: Program) -> dict[str, torch.Tensor]:
    """`term/<slot>` -> lambda * R(w), (R,); zero for runs that have no such penalty."""
    found: dict[str, torch.Tensor] = {}
    for at in program.penalties:
        name = f"term/{at.label}"
        if name not in found:
            found[name] = torch.zeros(len(w_AT), device=w_AT.device)
        found[name][at.rows] = at.knobs.lam * at.term.value(w_AT[at.rows, at.span], at.knobs)
    return found


@torch.no_grad()
def weight_facts(w_AT: torch.Tensor, program: Program) -> dict[str, torch.Tensor]:
    """`zeros`, the share of weights that are exactly zero, and `weight_norm`, their 2-norm."""
    network = program.network
    start, stop = network.slice_of("weight")
    w_AK = w_AT[:, start:stop]
    count = sum(p.stop - p.start for p in network.weights())
    padding = (stop - start) - count
    zeros = ((w_AK == 0).sum(1) - padding) / count
    return {"zeros": zeros, "weight_norm": torch.linalg.vector_norm(w_AK, dim=1)}
