"""What runs say of the rows of a part, and what that costs them, row by row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from core.losses import Loss
from core.tensors import torch
from core.term import Knobs


@dataclass(frozen=True)
class Answered:
    """Where `present_RN` is 0 the others hold padding; None where nothing is."""

    loss_RN: torch.Tensor
    output_RNO: torch.Tensor
    target_RN: torch.Tensor
    present_RN: torch.Tensor | None
    probability_RNC: torch.Tensor | None  # None too where nobody asked for them


def answered(
    batches: Iterable[tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]],
    loss: Loss,
    knobs: Knobs,
    *,
    probabilities: bool,
) -> Answered:
    """batches: outputs (R, B, O), targets and presence of a part's rows, one after the other."""
    outputs, losses, targets, present = [], [], [], []
    for output, y_RB, present_RB in batches:
        losses.append(loss.rows(output, y_RB, knobs))
        outputs.append(output)
        targets.append(y_RB)
        present.append(present_RB)
    padding = [p for p in present if p is not None]
    loss_RN, output_RNO, target_RN = (torch.cat(x, 1) for x in (losses, outputs, targets))
    return Answered(
        loss_RN,
        output_RNO,
        target_RN,
        torch.cat(padding, 1) if padding else None,
        loss.probabilities(output_RNO) if probabilities else None,
    )
