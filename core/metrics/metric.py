"""The family of metrics."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from core.tensors import torch
from core.term import Task, Term


class Metric(Term):
    """A score of a whole split: `{train,val,test}_<kind>`. Unit: as the formula says.

    A member that is a mean over examples writes `rows`, any other writes `value`.
    """

    family: ClassVar[str] = "metric"
    tasks: ClassVar[tuple[Task, ...]]
    direction: ClassVar[Literal["max", "min"]]
    bounds: ClassVar[tuple[float, float]]  # least and most that a score can be
    share: ClassVar[bool] = False  # a share of examples or classes, told in per cent
    of_targets: ClassVar[bool] = False  # in the units of the targets, or their square
    of_probabilities: ClassVar[bool] = False  # not defined where the loss gives none
    mean_of_examples: ClassVar[bool] = False  # set for members that write `rows`
    every_epoch: ClassVar[bool] = True  # else at the end, and where a job chooses or stops by it

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:  # Any: pydantic's own
        super().__pydantic_init_subclass__(**options)
        cls.mean_of_examples = cls.rows is not Metric.rows
        assert cls.mean_of_examples or cls.value is not Metric.value, f"{cls} scores nothing"

    def dear(self, classes: int) -> bool:
        """Whether to compute it only where a job chooses or stops by it, for so many classes."""
        return False

    def rows(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor | None:
        """(R, N) float32, each example's own score; None without probabilities that it needs."""
        return None

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        """(R,) scores. `present_RN` is 1 for an example, 0 for padding, None where all are there;
        probabilities if the loss gives any, and NaN where they are needed and it gives none."""
        row_RN = self.rows(prediction_RNO, target_RN, probabilities_RNC)
        if row_RN is None:
            return torch.full(prediction_RNO.shape[:1], torch.nan, device=prediction_RNO.device)
        return mean_present(row_RN, present_RN)

    def of_counts(self, count_X22: torch.Tensor) -> torch.Tensor | None:
        """(X,) scores of two classes, from how many examples of a class (last but one axis) were
        given each class (last axis); None where more than that decides."""
        return None


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
