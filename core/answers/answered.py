"""What runs say of the rows of a part, and what that costs them, row by row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.losses import Loss
from core.tensors import torch
from core.term import Knobs

Batch = tuple["torch.Tensor", "torch.Tensor", "torch.Tensor | None"]
"""Outputs (R, B, O), targets and presence of some rows."""


@dataclass(frozen=True)
class Answered:
    """Where `present_RN` is 0 the others hold padding; None where nothing is."""

    loss_RN: torch.Tensor
    output_RNO: torch.Tensor
    target_RN: torch.Tensor
    present_RN: torch.Tensor | None
    probability_RNC: torch.Tensor | None  # None too where nobody asked for them


def answered(
    batches: Iterable[Batch], length: int, loss: Loss, knobs: Knobs, *, probabilities: bool
) -> Answered:
    """batches: of a part's rows, `length` in all, one after the other."""
    whole: dict[str, torch.Tensor] = {}
    source, start = iter(batches), 0
    while (batch := next(source, None)) is not None:
        output_RBO, target_RB, present_RB = batch
        chunk = {"output": output_RBO, "target": target_RB}
        chunk["loss"] = loss.rows(output_RBO, target_RB, knobs)
        if present_RB is not None:
            chunk["present"] = present_RB
        _put(chunk, whole, start, length)
        start += output_RBO.shape[1]
        del batch, chunk, output_RBO, target_RB, present_RB  # before the next one is computed
    return Answered(
        whole["loss"],
        whole["output"],
        whole["target"],
        whole.get("present"),
        loss.probabilities(whole["output"]) if probabilities else None,
    )


def _put(
    chunk: Mapping[str, torch.Tensor], whole: dict[str, torch.Tensor], start: int, length: int
) -> None:
    """Into tensors of the whole part, made once: small ones that stay, made between large ones
    that go, leave holes in the heap that no later chunk fits into."""
    for name, value in chunk.items():
        if name not in whole:
            whole[name] = value.new_empty(len(value), length, *value.shape[2:])
        whole[name][:, start : start + value.shape[1]] = value
