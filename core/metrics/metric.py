"""The family of metrics."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from core.tensors import torch
from core.term import Task, Term


class Metric(Term):
    """A score of a whole split: `{train,val,test}_<kind>`. Unit: as the formula says."""

    family: ClassVar[str] = "metric"
    tasks: ClassVar[tuple[Task, ...]]
    direction: ClassVar[Literal["max", "min"]]
    bounds: ClassVar[tuple[float, float]]  # least and most that a score can be
    share: ClassVar[bool] = False  # a share of examples or classes, told in per cent
    of_targets: ClassVar[bool] = False  # in the units of the targets, or their square
    mean_of_examples: ClassVar[bool] = False  # then minibatches of training can be averaged
    every_epoch: ClassVar[bool] = True  # else only at the end, on the reported weights

    @abstractmethod
    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        """(R,) scores. `present_RN` is 1 for an example, 0 for padding, None where all are there;
        probabilities if the loss gives any."""


def mean_present(value_RN: torch.Tensor, present_RN: torch.Tensor | None) -> torch.Tensor:
    """Mean over the examples that are there; padding may hold anything, NaN included."""
    if present_RN is None:
        return value_RN.mean(1)
    kept = torch.where(present_RN > 0, value_RN, torch.zeros_like(value_RN))
    return kept.sum(1) / count_present(value_RN, present_RN)


def count_present(value_RN: torch.Tensor, present_RN: torch.Tensor | None) -> torch.Tensor | int:
    """(R,) examples that are there, or their number where it is the same for all runs."""
    return value_RN.shape[1] if present_RN is None else present_RN.sum(1)


def decide(prediction_RNO: torch.Tensor) -> torch.Tensor:
    """Class index of the largest output; one output alone says class 1 when it is positive."""
    if prediction_RNO.shape[-1] == 1:
        return (prediction_RNO.squeeze(-1) > 0).long()
    # an argmax along a strided axis is ten times slower than the copy
    return prediction_RNO.contiguous().argmax(-1)
