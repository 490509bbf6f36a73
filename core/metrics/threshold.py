"""From which probability on a row is given the second of two classes.

Chosen on rows that do not test, to make a metric of decisions as high as can be (as
sklearn.model_selection.TunedThresholdClassifierCV does). A row is given the second class where its
probability is above the threshold, so 0.5 is what the likeliest class says.
"""

from __future__ import annotations

from core.metrics.f1 import MacroF1
from core.metrics.metric import Metric
from core.tensors import torch

USUAL = 0.5
THRESHOLD = "threshold"  # its name among a run's final values
CHUNK_NUMBERS = 2**18  # rows of some runs at one time
SAME = 1e-9  # scores closer than this are equal


def metric_decided(name: str) -> Metric:
    """The metric of a wire name such as val_f1, where decisions alone make it; else F1."""
    member = Metric.members().get(name.partition("_")[2], MacroF1)
    decided = member.of_counts is not Metric.of_counts
    return (member if decided else MacroF1).model_validate({})


def best_threshold(
    p_RN: torch.Tensor, target_RN: torch.Tensor, present_RN: torch.Tensor | None, metric: Metric
) -> torch.Tensor:
    """(R,) float64 thresholds that make the metric highest; of several the one nearest to 0.5.

    p_RN: probability of the second class. A threshold lies halfway between two rows, or is 0.5
    where that does as well. 0.5 where a class has no row, NaN where a probability is none.
    """
    there_RN = torch.ones_like(p_RN) if present_RN is None else (present_RN > 0).to(p_RN.dtype)
    size = max(1, CHUNK_NUMBERS // p_RN.shape[1])
    parts = zip(p_RN.split(size), target_RN.split(size), there_RN.split(size), strict=True)
    return torch.cat([_best(p.double(), y, there.double(), metric) for p, y, there in parts])


def _best(
    p_RN: torch.Tensor, target_RN: torch.Tensor, there_RN: torch.Tensor, metric: Metric
) -> torch.Tensor:
    away_RN = torch.where(there_RN > 0, p_RN, 2.0)  # padding lies behind all
    sorted_RN, order_RN = away_RN.sort(dim=1)
    there_RN = there_RN.gather(1, order_RN)
    second_RN = there_RN * target_RN.gather(1, order_RN)
    count_RK22 = _counts(there_RN - second_RN, second_RN)
    score_RK = metric.of_counts(count_RK22)
    assert score_RK is not None, f"{metric.kind} is not decided by a threshold"
    low_RK = torch.nn.functional.pad(sorted_RN, (1, 0), value=0.0)
    high_RK = torch.nn.functional.pad(sorted_RN, (0, 1), value=1.0).clamp(max=1.0)
    rows_R1 = there_RN.sum(1, keepdim=True)
    place_K = torch.arange(low_RK.shape[1], device=p_RN.device)
    last_RK = place_K == rows_R1
    cut_RK = ((low_RK < high_RK) | last_RK) & (place_K <= rows_R1)
    usual_RK = (low_RK <= USUAL) & ((high_RK > USUAL) | last_RK)
    threshold_RK = torch.where(usual_RK, USUAL, (low_RK + high_RK) / 2)
    score_RK = torch.where(cut_RK, score_RK, -1.0)
    best_RK = score_RK >= score_RK.max(1, keepdim=True).values - SAME
    far_RK = torch.where(best_RK & cut_RK, (threshold_RK - USUAL).abs(), 2.0)
    found_R = threshold_RK.gather(1, far_RK.argmin(1, keepdim=True)).squeeze(1)
    second_R = second_RN.sum(1)
    lacks_R = (second_R == 0) | (second_R == rows_R1.squeeze(1))
    found_R = torch.where(lacks_R, USUAL, found_R)
    return torch.where(sorted_RN.isnan().any(1), torch.nan, found_R)


def _counts(first_RN: torch.Tensor, second_RN: torch.Tensor) -> torch.Tensor:
    """(R, N + 1, 2, 2): of each class, how many lie below each cut, which are given the first, and
    how many above."""
    below_RK2 = torch.nn.functional.pad(
        torch.stack([first_RN, second_RN], -1).cumsum(1), (0, 0, 1, 0)
    )
    return torch.stack([below_RK2, below_RK2[:, -1:] - below_RK2], -1)
