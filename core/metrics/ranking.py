"""How well scores put one class before the rest: what ROC-AUC and average precision share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal

from core.metrics.metric import Metric
from core.tensors import torch
from core.term import Task

LAST = 2**62  # beyond every key: where padding is sorted to


@dataclass(frozen=True)
class Curve:
    """Examples of a class and of the rest whose score is at least so high, (R, N) int64 each.

    From the highest score to the lowest, with those `before` the scores that are equal. Only the
    last of equal scores counts: elsewhere nothing is added to what was before.
    """

    hits_RN: torch.Tensor
    misses_RN: torch.Tensor
    hits_before_RN: torch.Tensor
    misses_before_RN: torch.Tensor


class Ranking(Metric):
    """Mean over each class against the rest (macro); of two classes, of the second.

    Scores are the probabilities, or the outputs where the loss gives none.
    """

    tasks: ClassVar[tuple[Task, ...]] = ("classification",)
    direction: ClassVar[Literal["max", "min"]] = "max"
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    every_epoch: ClassVar[bool] = False

    def dear(self, classes: int) -> bool:
        return classes > 2  # a sort for each class

    @abstractmethod
    def of(self, curve: Curve) -> torch.Tensor:
        """(R,) float64, NaN where it is not defined."""

    def value(
        self,
        prediction_RNO: torch.Tensor,
        target_RN: torch.Tensor,
        present_RN: torch.Tensor | None,
        probabilities_RNC: torch.Tensor | None,
    ) -> torch.Tensor:
        found = curves(prediction_RNO, target_RN, present_RN, probabilities_RNC)
        return torch.stack([self.of(curve) for curve in found]).mean(0).float()


def curves(
    prediction_RNO: torch.Tensor,
    target_RN: torch.Tensor,
    present_RN: torch.Tensor | None,
    probabilities_RNC: torch.Tensor | None,
) -> Iterator[Curve]:
    """One curve for each class against the rest; of two classes, that of the second only.

    Scores are probabilities where there are any, else outputs; of two outputs their difference.
    """
    score_RNC = prediction_RNO if probabilities_RNC is None else probabilities_RNC
    if probabilities_RNC is None and score_RNC.shape[-1] == 2:
        score_RNC = score_RNC - score_RNC.flip(-1)
    classes = (1,) if score_RNC.shape[-1] <= 2 else range(score_RNC.shape[-1])
    for number in classes:
        score_RN = score_RNC[..., min(number, score_RNC.shape[-1] - 1)]
        yield _curve(score_RN, target_RN == number, present_RN)


def _curve(
    score_RN: torch.Tensor, positive_RN: torch.Tensor, present_RN: torch.Tensor | None
) -> Curve:
    # One number holds the score and, in its last bit, the class, so that sorting needs no index.
    # A float's bits are in the order of the floats, save that negative ones run backwards.
    bits_RN = (score_RN + 0.0).contiguous().view(torch.int32)  # -0.0 + 0.0 is 0.0
    ascending_RN = bits_RN ^ ((bits_RN >> 31) & 0x7FFF_FFFF)
    key_RN = ascending_RN.long().neg_().mul_(2).add_(positive_RN)
    if present_RN is not None:
        key_RN = torch.where(present_RN > 0, key_RN, LAST)
    from core.kernels import ascending

    key_RN = ascending(key_RN)
    hits_RN = (key_RN & 1).cumsum(-1)
    count_RN = torch.arange(1, key_RN.shape[-1] + 1, device=key_RN.device).expand(key_RN.shape)
    if present_RN is not None:
        count_RN = count_RN.minimum((present_RN > 0).sum(-1, keepdim=True))
    group_RN = key_RN >> 1
    last_RN = torch.ones_like(group_RN, dtype=torch.bool)
    last_RN[:, :-1] = group_RN[:, 1:] != group_RN[:, :-1]
    hits_RN, hits_before_RN = _steps(hits_RN, last_RN)
    count_RN, count_before_RN = _steps(count_RN, last_RN)
    return Curve(hits_RN, count_RN - hits_RN, hits_before_RN, count_before_RN - hits_before_RN)


def _steps(total_RN: torch.Tensor, last_RN: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """A running total as it stands after the last of equals, and as it stood before them."""
    after_RN = torch.where(last_RN, total_RN, 0).cummax(-1).values
    before_RN = torch.zeros_like(after_RN)
    before_RN[:, 1:] = after_RN[:, :-1]
    return after_RN, before_RN
