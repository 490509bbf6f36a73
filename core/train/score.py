"""Scores of a cohort's runs on whole parts of the data, in evaluation mode."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.losses import Loss
from core.metrics import Metric
from core.metrics.metric import mean_present
from core.regularizers.regularizer import Penalty
from core.term import Knobs
from core.train.data import Feed, Part
from core.train.model import Model
from core.train.program import Program

CHUNK_NUMBERS = 2**22  # activations of one layer in a chunk: 16 MB, near the caches


def metrics_for(task: str, *, final: bool) -> list[Metric]:
    """The metrics that a task has, by name; at the end also those too dear for every epoch."""
    kinds = Metric.members().values()
    return [k.model_validate({}) for k in kinds if task in k.tasks and (final or k.every_epoch)]


def direction_of(name: str) -> str:
    """`max` or `min` for a metric's wire name such as val_accuracy."""
    kind = name.partition("_")[2]
    return "min" if kind == "loss" else Metric.members()[kind].direction


@torch.no_grad()
def score(
    part: Part,
    model: Model,
    feed: Feed,
    program: Program,
    metrics: Sequence[Metric],
    loss_knobs: Knobs,
) -> dict[str, torch.Tensor]:
    """`{part}_{metric}` -> (R,), loss among them."""
    length = feed.length(part)
    widest = max(model.network.activations // max(len(model.network.nodes), 1), 1)
    size = max(64, CHUNK_NUMBERS // (feed.rows * widest))
    outputs, losses, targets, present = [], [], [], []
    for start in range(0, length, size):
        batch = feed.chunk(part, start, start + size)
        output = model.forward(batch.x_RB, program.layers)
        losses.append(program.loss.rows(output, batch.y_RB, loss_knobs))
        outputs.append(output)
        targets.append(batch.y_RB)
        present.append(batch.present_RB)
    padding = [p for p in present if p is not None]
    present_RN = torch.cat(padding, 1) if padding else None
    loss_R = mean_present(torch.cat(losses, 1), present_RN)
    found = {f"{part}_loss": loss_R}
    every = torch.cat(outputs, 1), torch.cat(targets, 1), present_RN
    for name, value_R in _values(metrics, program.loss, *every).items():
        # a diverged run decides nothing, though an argmax of NaN names a class
        found[f"{part}_{name}"] = torch.where(torch.isnan(loss_R), loss_R, value_R)
    return found


def _values(
    metrics: Sequence[Metric],
    loss: Loss,
    output_RNO: torch.Tensor,
    target_RN: torch.Tensor,
    present_RN: torch.Tensor | None,
) -> dict[str, torch.Tensor]:
    wanted = any(not m.every_epoch for m in metrics)
    probabilities = loss.probabilities(output_RNO) if wanted else None
    return {m.kind: m.value(output_RNO, target_RN, present_RN, probabilities) for m in metrics}


@torch.no_grad()
def terms(w_AT: torch.Tensor, program: Program) -> dict[str, torch.Tensor]:
    """`term/<slot>` -> lambda * R(w), (R,); zero for runs that have no such penalty."""
    found = {}
    for slot in program.penalties:
        assert isinstance(slot.term, Penalty)
        start, stop = program.scope(slot)
        value = slot.term.value(w_AT[slot.lo : slot.hi, start:stop], slot.knobs)
        whole = torch.zeros(len(w_AT), device=w_AT.device)
        whole[slot.lo : slot.hi] = slot.knobs.lam * value
        found[f"term/{slot.label}"] = whole
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
